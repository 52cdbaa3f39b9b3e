"""How good are the labels, the volumes and the maps, and how sure is that."""

from bundle.metrics.best_iou_index import best_iou_index
from bundle.metrics.best_threshold import best_f1_threshold
from bundle.metrics.binary_scores import BinaryScores
from bundle.metrics.bootstrap import cluster_bootstrap
from bundle.metrics.calibration import calibration_scores
from bundle.metrics.centre_prior import centre_prior
from bundle.metrics.holm import holm
from bundle.metrics.interval import Interval
from bundle.metrics.iou_curve import IOU_THRESHOLDS, iou_curve
from bundle.metrics.map_energy import map_energy
from bundle.metrics.map_scorer import MapScorer
from bundle.metrics.map_scores import map_scores
from bundle.metrics.paired_difference import Difference, paired_difference
from bundle.metrics.pointing_game import pointing_game
from bundle.metrics.position_baseline import position_baseline
from bundle.metrics.predictions import Predictions
from bundle.metrics.relative_position import relative_position
from bundle.metrics.slice_scorer import SliceScorer
from bundle.metrics.slice_scores import slice_scores
from bundle.metrics.volume_probability import volume_probability
from bundle.metrics.volume_scores import volume_scores
from bundle.metrics.volume_table import VolumeTable

__all__ = [
    "IOU_THRESHOLDS",
    "BinaryScores",
    "Difference",
    "Interval",
    "MapScorer",
    "Predictions",
    "SliceScorer",
    "VolumeTable",
    "best_f1_threshold",
    "best_iou_index",
    "calibration_scores",
    "centre_prior",
    "cluster_bootstrap",
    "holm",
    "iou_curve",
    "map_energy",
    "map_scores",
    "paired_difference",
    "pointing_game",
    "position_baseline",
    "relative_position",
    "slice_scores",
    "volume_probability",
    "volume_scores",
]
