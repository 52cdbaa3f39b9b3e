"""Scores of slices, volumes and maps, their intervals and their baselines."""

from bundle.metrics.baselines import center_prior, position_baseline, position_parabola
from bundle.metrics.binary_scores import LOWER_IS_BETTER, BinaryScores, MissedAtSpecificity, MissedPatients
from bundle.metrics.bootstrap import Difference, Interval, cluster_bootstrap, holm, paired_difference
from bundle.metrics.calibration import calibration_scores
from bundle.metrics.maps import (
    IOU_THRESHOLDS,
    MapScorer,
    best_iou_index,
    iou_curve,
    map_energy,
    map_scores,
    pointing_game,
)
from bundle.metrics.predictions import Predictions, class_probabilities, foreground_probability, relative_position
from bundle.metrics.slices import SliceScorer, slice_scores
from bundle.metrics.thresholds import BEST_F1, F1Threshold, best_f1_threshold, chosen_threshold, expected_f1_threshold
from bundle.metrics.volumes import VolumeTable, volume_probability, volume_scores

__all__ = [
    "BEST_F1",
    "IOU_THRESHOLDS",
    "LOWER_IS_BETTER",
    "BinaryScores",
    "Difference",
    "F1Threshold",
    "Interval",
    "MapScorer",
    "MissedAtSpecificity",
    "MissedPatients",
    "Predictions",
    "SliceScorer",
    "VolumeTable",
    "best_f1_threshold",
    "best_iou_index",
    "calibration_scores",
    "center_prior",
    "chosen_threshold",
    "class_probabilities",
    "cluster_bootstrap",
    "expected_f1_threshold",
    "foreground_probability",
    "holm",
    "iou_curve",
    "map_energy",
    "map_scores",
    "paired_difference",
    "pointing_game",
    "position_baseline",
    "position_parabola",
    "relative_position",
    "slice_scores",
    "volume_probability",
    "volume_scores",
]
