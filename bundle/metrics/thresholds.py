"""Thresholds of slices that are good for F1."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve

from bundle.keys import IGNORED_LABEL
from bundle.metrics.predictions import foreground_probability
from bundle.metrics.slices import require_finite

logger = logging.getLogger(__name__)

_DEFAULT_THRESHOLD = 0.5
_CALIBRATED = 1.5
"""Factor by which the expected number of positive slices may differ from that of the labels."""


@dataclass(frozen=True)
class F1Threshold:
    """Finds a threshold with a good F1 on validation slices.

    Args:
        expected: take the one with the best F1 expected from the probabilities, see `expected_f1_threshold`, not the
            one that has the best, see `best_f1_threshold`. It varies less where validation patients are few, and is
            wrong where probabilities are not calibrated: a warning tells if they expect far more or fewer positives.

    Example:
        >>> labels, probabilities = [0, 1, 0, 1], [0.25, 0.5, 0.75, 0.875]
        >>> F1Threshold()(labels, probabilities), F1Threshold(expected=True)(labels, probabilities)
        (0.375, 0.375)
        >>> F1Threshold()([1, 1], [0.2, 0.8])
    """

    expected: bool = False

    def __call__(self, labels: ArrayLike, probabilities: ArrayLike) -> float | None:
        """Return the threshold, None where all labels are positive or all are background.

        Args:
            labels: (n,) with 0, classes above and -1 (ignored).
            probabilities: (n,) of the positive class, or (n, K), whose threshold is that of any class but background.

        Raises:
            ValueError: a probability of a labeled slice is not finite.
        """
        all_labels, scores = np.asarray(labels).reshape(-1), np.asarray(probabilities, dtype=np.float64)
        kept = all_labels != IGNORED_LABEL
        positive = all_labels[kept] > 0
        if positive.all() or not positive.any():
            return None
        if self.expected:
            kept_scores = foreground_probability(scores)[kept]
            _warn_if_not_calibrated(positive, kept_scores)
            return expected_f1_threshold(kept_scores)
        return best_f1_threshold(all_labels, scores)


def _warn_if_not_calibrated(positive: NDArray, probabilities: NDArray) -> None:
    ratio = probabilities.sum() / positive.sum()
    if not 1 / _CALIBRATED <= ratio <= _CALIBRATED:
        logger.warning(
            f"Probabilities of validation slices expect {probabilities.sum():.0f} positive ones, {positive.sum()} are: "
            "they are not calibrated, and the threshold may be poor. Set threshold_rule#expected to false."
        )


BEST_F1 = F1Threshold()
"""The rule of the paper's tables here: the best F1 on validation slices."""


def chosen_threshold(
    threshold: float | str, labels: ArrayLike, probabilities: ArrayLike, rule: F1Threshold = BEST_F1
) -> tuple[float, str]:
    """Return a threshold and its origin: "given", "validation", or "default" where validation labels leave no choice.

    Args:
        threshold: a number, or "validation" for the one that the rule finds.
        labels: (n,) of validation slices.
        probabilities: (n,) of the positive class, or (n, K), see `F1Threshold`.
        rule: finds it.

    Raises:
        ValueError: `threshold` is another word, or a probability is not finite.

    Example:
        >>> chosen_threshold("validation", [0, 1], [0.2, 0.8]), chosen_threshold("validation", [1, 1], [0.2, 0.8])
        ((0.5, 'validation'), (0.5, 'default'))
    """
    if not isinstance(threshold, str):
        return float(threshold), "given"
    if threshold != "validation":
        remedy = "use 0.5 without validation data"
        raise ValueError(f"threshold must be a number or 'validation', got {threshold!r}: {remedy}.")
    found = rule(labels, probabilities)
    return (_DEFAULT_THRESHOLD, "default") if found is None else (found, threshold)


def expected_f1_threshold(probabilities: ArrayLike) -> float:
    """Return the threshold with the best F1 expected from calibrated probabilities; it needs no labels.

    Where few patients are there to choose on, it varies less than the threshold that is best on them.

    Args:
        probabilities: (n,) of all slices, calibrated.

    Raises:
        ValueError: a probability is not finite.

    Source:
        Lipton, Elkan, Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014.

    Example:
        >>> expected_f1_threshold([0.95, 0.9, 0.1, 0.05])
        0.5
    """
    descending = np.sort(np.asarray(probabilities, dtype=np.float64))[::-1]
    require_finite(descending[:, None])
    expected = 2 * np.cumsum(descending) / (np.arange(1, len(descending) + 1) + descending.sum())
    last = int(expected.argmax())
    lower = descending[last + 1] if last + 1 < len(descending) else 0.0
    return float((descending[last] + lower) / 2)


def best_f1_threshold(labels: ArrayLike, probabilities: ArrayLike, default: float = _DEFAULT_THRESHOLD) -> float:
    """Return the threshold with the largest F1; a slice is positive if its probability is at least the threshold.

    The threshold lies halfway between two neighboring probabilities, so rounding moves no slice across it. Of equally
    good thresholds the nearest to 0.5 is taken, of two equally near the lower.

    Args:
        labels: (n,) with 0, classes above and -1 (ignored).
        probabilities: (n,) of the positive class, or (n, K), whose threshold is that of any class but background.
        default: taken where the labels leave no choice.

    Returns:
        The threshold; `default` where all labels are positive or all are background.

    Raises:
        ValueError: a probability of a labeled slice is not finite.

    Example:
        >>> best_f1_threshold([0, 0, 1, 1], [0.125, 0.25, 0.5, 0.75])
        0.375
    """
    all_labels, scores = np.asarray(labels).reshape(-1), np.asarray(probabilities, dtype=np.float64)
    kept = all_labels != IGNORED_LABEL
    positive = all_labels[kept] > 0
    if positive.all() or not positive.any():
        return default
    scores = foreground_probability(scores)[kept]
    require_finite(scores[:, None])
    values, f1 = _f1_per_value(positive, scores)
    thresholds = _halfway_down(values)[f1 >= f1.max() - 1e-12]
    return float(thresholds[np.argmin(np.abs(thresholds - _DEFAULT_THRESHOLD))])


def _f1_per_value(positive: NDArray, probabilities: NDArray) -> tuple[NDArray, NDArray]:
    """Return the distinct probabilities, ascending, and F1 with each of them as the threshold."""
    precision, recall, values = precision_recall_curve(positive, probabilities)
    precision, recall = precision[:-1], recall[:-1]  # the last point of the curve has no threshold
    total = precision + recall
    return values, np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def _halfway_down(values: NDArray) -> NDArray:
    """Return the middle between each ascending value and the next lower one (0 below the lowest)."""
    lower = np.append(min(0.0, values[0]), values[:-1])
    middle = (values + lower) / 2
    return np.where(middle > lower, middle, values)
