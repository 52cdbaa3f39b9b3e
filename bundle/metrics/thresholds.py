"""Thresholds of slices that are good for F1, or for F-beta, in which a missed slice counts more."""

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
    """Finds a threshold with a good F1, or F-beta, on validation slices.

    F-beta is (1 + beta^2) P R / (beta^2 P + R) of precision P and recall R, or
    (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP) of true positives, false negatives and false positives.

    Args:
        expected: take the one with the best F1 expected from the probabilities, see `expected_f1_threshold`, not the
            one that has the best, see `best_f1_threshold`. It varies less where validation patients are few, and is
            wrong where probabilities are not calibrated: a warning tells if they expect far more or fewer positives.
        beta: a missed slice counts beta^2 as much as a slice that is called positive in error; 1 for F1.

    Raises:
        ValueError: `beta` is not a number above 0.

    Source:
        Van Rijsbergen, Information Retrieval, 1979, chapter 7.

    Example:
        >>> labels, probabilities = [0, 1, 0, 1], [0.25, 0.5, 0.75, 0.875]
        >>> F1Threshold()(labels, probabilities), F1Threshold(expected=True)(labels, probabilities)
        (0.375, 0.375)
        >>> labels, probabilities = [0, 1, 0, 0, 1], [0.125, 0.25, 0.375, 0.5, 0.75]
        >>> F1Threshold()(labels, probabilities), F1Threshold(beta=2)(labels, probabilities)
        (0.625, 0.1875)
        >>> F1Threshold()([1, 1], [0.2, 0.8])
    """

    expected: bool = False
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.beta < float("inf"):
            remedy = "use 1 for F1, 2 to miss fewer slices"
            raise ValueError(f"beta must be a number above 0, got {self.beta!r}: {remedy}.")

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
            return expected_f1_threshold(kept_scores, self.beta)
        return best_f1_threshold(all_labels, scores, beta=self.beta)


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


def expected_f1_threshold(probabilities: ArrayLike, beta: float = 1.0) -> float:
    """Return the threshold with the best F1, or F-beta, expected from calibrated probabilities; it needs no labels.

    Where few patients are there to choose on, it varies less than the threshold that is best on them.

    Args:
        probabilities: (n,) of all slices, calibrated.
        beta: see `F1Threshold`.

    Raises:
        ValueError: a probability is not finite.

    Source:
        Lipton, Elkan, Naryanaswamy, Optimal Thresholding of Classifiers to Maximize F1 Measure, 2014.

    Example:
        >>> expected_f1_threshold([0.95, 0.9, 0.1, 0.05]), expected_f1_threshold([0.95, 0.6, 0.3, 0.05], beta=2)
        (0.5, 0.175)
    """
    descending = np.sort(np.asarray(probabilities, dtype=np.float64))[::-1]
    require_finite(descending[:, None])
    called = np.arange(1, len(descending) + 1)  # positive, if the threshold lies below this many
    expected = (1 + beta**2) * np.cumsum(descending) / (called + beta**2 * descending.sum())
    last = int(expected.argmax())
    lower = descending[last + 1] if last + 1 < len(descending) else 0.0
    return float((descending[last] + lower) / 2)


def best_f1_threshold(
    labels: ArrayLike, probabilities: ArrayLike, default: float = _DEFAULT_THRESHOLD, beta: float = 1.0
) -> float:
    """Return the threshold with the largest F1, or F-beta; a slice is positive if its probability is at least that.

    The threshold lies halfway between two neighboring probabilities, so rounding moves no slice across it. Of equally
    good thresholds the nearest to 0.5 is taken, of two equally near the lower.

    Args:
        labels: (n,) with 0, classes above and -1 (ignored).
        probabilities: (n,) of the positive class, or (n, K), whose threshold is that of any class but background.
        default: taken where the labels leave no choice.
        beta: see `F1Threshold`.

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
    values, score = _f_per_value(positive, scores, beta)
    thresholds = _halfway_down(values)[score >= score.max() - 1e-12]
    return float(thresholds[np.argmin(np.abs(thresholds - _DEFAULT_THRESHOLD))])


def _f_per_value(positive: NDArray, probabilities: NDArray, beta: float) -> tuple[NDArray, NDArray]:
    """Return the distinct probabilities, ascending, and F-beta with each of them as the threshold."""
    precision, recall, values = precision_recall_curve(positive, probabilities)
    precision, recall = precision[:-1], recall[:-1]  # the last point of the curve has no threshold
    total = beta**2 * precision + recall
    return values, np.divide((1 + beta**2) * precision * recall, total, out=np.zeros_like(total), where=total > 0)


def _halfway_down(values: NDArray) -> NDArray:
    """Return the middle between each ascending value and the next lower one (0 below the lowest)."""
    lower = np.append(min(0.0, values[0]), values[:-1])
    middle = (values + lower) / 2
    return np.where(middle > lower, middle, values)
