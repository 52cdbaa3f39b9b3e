"""Content of metrics.json and predictions.csv, computed from predictions."""

from bundle.evaluation.evaluate import evaluate_predictions
from bundle.evaluation.maps import MapEvaluation
from bundle.evaluation.pooled import RANKING, AveragedRuns, PooledRuns, corrected
from bundle.evaluation.predictions_csv import FinishedRun, read_predictions, write_predictions
from bundle.evaluation.slices import SliceEvaluation

__all__ = [
    "RANKING",
    "AveragedRuns",
    "FinishedRun",
    "MapEvaluation",
    "PooledRuns",
    "SliceEvaluation",
    "corrected",
    "evaluate_predictions",
    "read_predictions",
    "write_predictions",
]
