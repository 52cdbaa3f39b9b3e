"""Calibration of a run's scores to another hospital by their distribution alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bundle.metrics import Predictions
from bundle.probabilities import ScoreCalibration, logits_of

_LEVELS = np.linspace(0.01, 0.99, 50)
"""Quantiles that are matched; the outermost slices are too few for more."""
_SHARE = 0.7
"""Weight of logit and of position where both are used: each counts less than alone, as they share evidence."""


def aligned(scores: ArrayLike, reference: ArrayLike) -> ScoreCalibration:
    """Return the monotone change that gives scores of one hospital the distribution of reference scores.

    It is piecewise linear through matched quantiles and assumes that about as many slices are positive in both.

    Args:
        scores: (n,) logits of unlabeled slices.
        reference: (m,) logits of the slices that the thresholds were chosen on.

    Raises:
        ValueError: one of them is empty.

    Source:
        Roschewitz et al., Automatic correction of performance drift under acquisition shift in medical image
        classification, Nature Communications 2023 (there for probabilities).

    Example:
        >>> reference = np.linspace(-3, 3, 100)
        >>> aligned(reference + 2, reference)(np.array([2.0]), [0.5]).round(6)
        array([0.])
    """
    given, target = np.asarray(scores, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if not given.size or not target.size:
        raise ValueError(f"scores must be those of some slices, got {given.size} and {target.size}: give scans.")
    old, first = np.unique(np.quantile(given, _LEVELS), return_index=True)
    new = np.quantile(target, _LEVELS[first])
    return ScoreCalibration(alignment=(old.tolist(), new.tolist()))


def with_position(start: ScoreCalibration, reference: Predictions) -> ScoreCalibration:
    """Return a calibration that also counts the slice's position, as the run's training slices had it.

    Args:
        start: calibration of the logits.
        reference: slices with `position_only`, whose logit is a parabola of the position: any three tell it.

    Raises:
        ValueError: the reference has no position baseline.

    Example:
        >>> from scipy.special import expit
        >>> names, index, alone = np.array(["a"] * 3), np.arange(3), expit(np.array([-3.0, 1.0, -3.0]))
        >>> slices = Predictions(names, names, names, index, index, alone, position_only=alone)
        >>> round(with_position(ScoreCalibration(), slices).position[1], 2)
        -2.8
    """
    if reference.position_only is None:
        raise ValueError("validation_predictions.csv must have the column position_only, got none: evaluate again.")
    squared, linear, constant = np.polyfit(2 * reference.position - 1, logits_of(reference.position_only)[:, 0], 2)
    position = (float(_SHARE * linear), float(_SHARE * squared))
    return ScoreCalibration(start.alignment, _SHARE, float(_SHARE * constant), position)
