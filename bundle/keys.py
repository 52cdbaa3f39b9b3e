"""Names of dictionary entries, spelled once. Imports nothing, so that every room may import it."""

IMAGE = "image"
LABEL = "label"
"""In a case dict the path of a mask or of a CSV with slice labels; after slicing the class of the slice."""
MASK = "mask"
SMOOTHED_MASK = "smoothed_mask"
ORGAN = "organ"

CASE = "case"
PATIENT = "patient"
SITE = "site"
PART = "part"
"""The part of the split that a data list puts the case in: train, val or test."""
FOLD = "fold"
"""The fold of cross-validation in which a data list lets the case validate."""

INSTANCES = "instances"
"""Where each slice of a DICOM series comes from, a JSON list in the order of the series' slices."""

SLICE_INDEX = "slice_index"
SLICE_SPACING = "slice_spacing_mm"
"""From slice to slice; NaN where a volume does not tell."""
SLICE_LABELS = "slice_labels"
"""The classes of a case's slices, (D,), where they come from a CSV and not from a mask."""
CASE_INDEX = "case_index"
"""Position of the case in the data list of its dataset: the tensor twin of `case`."""
SUPERVISED = "supervised"
"""1 where the slice's case has a mask that the localization loss may use, else 0."""
WEIGHT = "weight"
"""1 for the slices that the localization loss counts: positive, with a mask, of a supervised case."""

PRED = "pred"
LOSS = "loss"
EVIDENCE = "evidence"
RESULT = "result"
"""JSON-serializable result of a volume."""
OVERLAY = "overlay"
"""A few slices of a volume with their maps, for a picture."""
FINDINGS = "findings"
"""JSON-serializable findings of a volume, with the rule that made them."""
FINDING_LABELS = "finding_labels"
"""Number of the finding in each voxel, 0 outside."""

ADAPTATION = "adaptation"
"""Of metadata.json: when the scores were adapted to another hospital, and to how many scans."""

IGNORED_LABEL = -1
"""The label of a slice that has none (or only fills a rank's batch): no loss and no metric counts it."""

START_WEIGHTS = ("initial_weights", "pretrained", "teacher")
"""Knobs of a training that name a file of weights, which it starts or learns from; `run.json` has their hashes."""
