"""Calibration of probabilities: Brier score and expected calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL


def calibration_scores(labels: ArrayLike, probabilities: ArrayLike, bins: int = 15) -> dict[str, float]:
    """Return the Brier score and the expected calibration error (ECE).

    Brier is the mean squared distance of probability and outcome (for K classes summed over them). ECE is the mean
    over equally wide bins, weighted by their slices, of |observed share - mean probability|: of the positive class,
    or of the predicted class of K.

    Args:
        labels: (n,) classes; -1 is ignored.
        probabilities: (n,) of the positive class or (n, K).
        bins: bins of the ECE.

    Example:
        >>> calibration_scores([1, 0], [0.75, 0.25])
        {'brier': 0.0625, 'ece': 0.25, 'n': 2}
    """
    all_labels = np.asarray(labels).reshape(-1)
    kept = all_labels != IGNORED_LABEL
    true = all_labels[kept].astype(np.int64)
    if not len(true):
        return {"brier": float("nan"), "ece": float("nan"), "n": 0}
    each = np.asarray(probabilities, dtype=np.float64)[kept]
    each = each[:, None] if each.ndim == 1 else each  # (n, K)
    if each.shape[1] == 1:
        outcome, confidence = true > 0, each[:, 0]
        # Not scikit-learn's brier_score_loss, which rounds the last bit differently.
        brier = np.mean((confidence - outcome) ** 2)
    else:
        outcome, confidence = each.argmax(axis=1) == true, each.max(axis=1)
        brier = np.mean(((each - np.eye(each.shape[1])[true]) ** 2).sum(axis=1))
    return {"brier": float(brier), "ece": _ece(outcome, confidence, bins), "n": len(true)}


def _ece(outcome: NDArray, confidence: NDArray, bins: int) -> float:
    """Return the sum over bins of |outcomes - probabilities|, per slice."""
    bin_of_slice = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of_slice, weights=outcome.astype(np.float64) - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))
