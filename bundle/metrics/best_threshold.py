"""The threshold to fix on validation data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL

DEFAULT_THRESHOLD = 0.5


def best_f1_threshold(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the threshold with the largest F1; a slice is positive where its probability reaches it.

    The threshold lies halfway between two neighbouring probabilities, so that rounding moves no slice across it. Among
    equally good ones the nearest to 0.5 is taken, the lower of two equally near.

    Args:
        labels: (n,) with 0, 1 and -1 (ignored).
        probabilities: (n,) of the positive class.

    Returns:
        The threshold; 0.5 where labels of one class, or several classes' probabilities (n, K), leave no choice.

    Example:
        >>> best_f1_threshold([0, 0, 1, 1], [0.125, 0.25, 0.5, 0.75])
        0.375
    """
    every, scores = np.asarray(labels).reshape(-1), np.asarray(probabilities, dtype=np.float64)
    if scores.size != every.size:
        return DEFAULT_THRESHOLD
    kept = every != IGNORED_LABEL
    positive = every[kept] > 0
    if positive.all() or not positive.any():
        return DEFAULT_THRESHOLD
    values, f1 = f1_per_value(positive, scores.reshape(-1)[kept])
    thresholds = halfway_down(values)[f1 >= f1.max() - 1e-12]
    return float(thresholds[np.argmin(np.abs(thresholds - DEFAULT_THRESHOLD))])


def f1_per_value(positive: NDArray, probabilities: NDArray) -> tuple[NDArray, NDArray]:
    """Return the distinct probabilities, ascending, and F1 where everything from each one up is called positive."""
    values, place = np.unique(probabilities, return_inverse=True)
    called = np.bincount(place)[::-1].cumsum()[::-1]
    hits = np.bincount(place, weights=positive)[::-1].cumsum()[::-1]
    return values, 2 * hits / (called + positive.sum())


def halfway_down(values: NDArray) -> NDArray:
    """Return the middle between each ascending value and the next lower one (0 below the lowest)."""
    lower = np.append(min(0.0, values[0]), values[:-1])
    middle = (values + lower) / 2
    return np.where(middle > lower, middle, values)
