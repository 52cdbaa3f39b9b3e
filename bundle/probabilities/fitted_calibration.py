"""Calibration fitted to labeled scans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from bundle.metrics import Predictions
from bundle.probabilities.calibration import ScoreCalibration, logits_of

_SLICES_OF_A_SCAN = 5.0
"""Independent slices that a scan is worth: neighbors resemble each other, so a scan's slices share this weight."""
_SLOPE_SD, _BIAS_SD, _POSITION_SD = 0.5, 1.0, 0.5
"""Standard deviations of the priors: the start is right until the labeled scans say otherwise."""


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


def _weights(cases: NDArray) -> NDArray:
    """Return (n,) weights of slices whose sum over each scan is that of its independent slices."""
    _, scan, count = np.unique(cases, return_inverse=True, return_counts=True)
    return np.asarray(_SLICES_OF_A_SCAN / count[scan])
