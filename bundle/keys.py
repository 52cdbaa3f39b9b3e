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

SLICE_INDEX = "slice_index"
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

IGNORED_LABEL = -1
"""The label of a slice that has none (or only fills a rank's batch): no loss and no metric counts it."""
