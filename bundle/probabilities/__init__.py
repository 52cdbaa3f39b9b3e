"""From the logits of a scan's slices to the probabilities that are scored and reported, and how certain these are."""

from bundle.probabilities.calibration import ScoreCalibration, logits_of
from bundle.probabilities.fitted_calibration import fitted
from bundle.probabilities.slice_probabilities import SliceProbabilities, smoothed
from bundle.probabilities.uncertainty import calibrated, label_entropy, label_map_disagreement, scan_uncertainty

__all__ = [
    "ScoreCalibration",
    "SliceProbabilities",
    "calibrated",
    "fitted",
    "label_entropy",
    "label_map_disagreement",
    "logits_of",
    "scan_uncertainty",
    "smoothed",
]
