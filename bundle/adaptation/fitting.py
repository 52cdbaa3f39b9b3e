"""Calibration of a run's scores to another hospital: by their distribution alone, or with a few labeled scans."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from bundle.metrics import Predictions
from bundle.probabilities import ScoreCalibration, logits_of

_LEVELS = np.linspace(0.01, 0.99, 50)
"""Quantiles that are matched; the outermost slices are too few for more."""
_SLICES_OF_A_SCAN = 5.0
"""Independent slices that a scan is worth: neighbors resemble each other, so a scan's slices share this weight."""
_SLOPE_SD, _BIAS_SD, _POSITION_SD = 0.5, 1.0, 0.5
"""Standard deviations of the priors: the start is right until the labeled scans say otherwise."""
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


def fitted(labeled: Predictions, start: ScoreCalibration) -> ScoreCalibration:
    """Return a calibration with slope, bias and, if the start uses it, position fitted to labeled scans.

    It is a logistic regression (Platt scaling) with Gaussian priors around the start, so that few scans change little.
    Every scan has the same weight.

    Args:
        labeled: slices of the labeled scans; slices without a label are left out.
        start: calibration whose alignment is kept.

    Example:
        >>> names, index, label = np.array(["a"] * 4), np.arange(4), np.array([0, 0, 1, 1])
        >>> slices = Predictions(names, names, names, index, label, np.array([0.5, 0.6, 0.9, 0.95]))
        >>> fitted(slices, ScoreCalibration()).bias < 0  # they are called positive too often
        True
    """
    known = labeled.select(labeled.label >= 0)
    centered = 2 * labeled.position[labeled.label >= 0] - 1
    scores = start.aligned(logits_of(known.probability)[:, 0])
    columns = [scores, np.ones(len(scores)), *([centered, centered**2] if any(start.position) else [])]
    features = np.stack(columns, axis=1)
    prior = np.array([start.slope, start.bias, *start.position][: len(columns)])
    spread = np.array([_SLOPE_SD, _BIAS_SD, _POSITION_SD, _POSITION_SD][: len(columns)])
    weight, sign = _weights(known.case), np.where(known.label > 0, 1.0, -1.0)

    def loss(parameters: NDArray) -> tuple[float, NDArray]:
        margin = sign * (features @ parameters)
        distance = (parameters - prior) / spread
        gradient = -features.T @ (weight * sign * expit(-margin)) + distance / spread
        return float(weight @ np.logaddexp(0, -margin) + distance @ distance / 2), gradient

    slope, *rest = minimize(loss, prior, jac=True, bounds=[(0, None), *[(None, None)] * (len(prior) - 1)]).x.tolist()
    return ScoreCalibration(start.alignment, slope, rest[0], tuple(rest[1:]) or (0.0, 0.0))


def expected_f1_threshold(probabilities: ArrayLike) -> float:
    """Return the threshold with the best F1 that calibrated probabilities let expect; it needs no labels.

    Args:
        probabilities: (n,) of all slices, calibrated.

    Source:
        Lipton, Elkan, Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014.

    Example:
        >>> expected_f1_threshold([0.95, 0.9, 0.1, 0.05])
        0.5
    """
    descending = np.sort(np.asarray(probabilities, dtype=np.float64))[::-1]
    expected = 2 * np.cumsum(descending) / (np.arange(1, len(descending) + 1) + descending.sum())
    last = int(expected.argmax())
    lower = descending[last + 1] if last + 1 < len(descending) else 0.0
    return float((descending[last] + lower) / 2)


def _weights(cases: NDArray) -> NDArray:
    """Return (n,) weights of slices whose sum over each scan is that of its independent slices."""
    _, scan, count = np.unique(cases, return_inverse=True, return_counts=True)
    return np.asarray(_SLICES_OF_A_SCAN / count[scan])
