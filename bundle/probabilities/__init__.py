"""From the logits of a scan's slices to the probabilities that are scored and reported."""

from bundle.probabilities.calibration import ScoreCalibration, logits_of
from bundle.probabilities.slice_probabilities import SliceProbabilities, smoothed

__all__ = ["ScoreCalibration", "SliceProbabilities", "logits_of", "smoothed"]
