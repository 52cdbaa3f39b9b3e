"""Scores of slices under any weights, and the threshold with the best F1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve

from bundle.keys import IGNORED_LABEL
from bundle.metrics.binary_scores import BinaryScores, MissedPatients, ratio

_DEFAULT_THRESHOLD = 0.5


def slice_scores(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float = 0.5, patients: ArrayLike | None = None
) -> dict[str, float]:
    """Return the scores of `BinaryScores` and, where patients are known, of `MissedPatients`, with their counts.

    A score without a value (one class only, no slice at all) is NaN; the counts `n` and `positives` show why.

    Args:
        labels: (n,) class indices, 0 is background; -1 is ignored.
        probabilities: (n,) of the positive class, or (n, K) of K classes (then macro averages, see `SliceScorer`).
        threshold: smallest probability of a positive slice.
        patients: (n,) the patient of each slice.

    Raises:
        ValueError: lengths differ, a probability is not finite, or a label is no class.

    Example:
        >>> slice_scores([1, 1, 0, 0, -1], [0.9, 0.4, 0.6, 0.1, 0.5])["auroc"]
        0.75
    """
    scorer = SliceScorer(labels, probabilities, threshold, patients)
    counts = {"n": len(scorer.labels), "positives": int((scorer.labels > 0).sum())}
    return scorer() | counts | (scorer.missed.counts if scorer.missed else {})


class SliceScorer:
    """Scores a slice classifier under any weights, so that patients can be resampled cheaply.

    With one probability per slice the classifier is binary: a slice is positive if it is at least `threshold`. With K
    probabilities the class with the largest is predicted (`threshold` is not used), accuracy and Cohen's kappa are over
    all classes, and every other score is the macro average of one-against-the-rest scores over the classes that occur.

    Args:
        labels: (n,) class indices; -1 is ignored.
        probabilities: (n,), (n, 1) or (n, K).
        threshold: smallest probability of a positive slice.
        patients: (n,) the patient of each slice, whose weights are equal; None leaves out the patients that are missed.

    Raises:
        ValueError: lengths differ, a probability is not finite, or a label is no class.

    Example:
        >>> scorer = SliceScorer([1, 0, 0, -1], [0.9, 0.6, 0.1, 0.5])
        >>> scorer(np.array([1.0, 1.0, 2.0, 1.0]))["accuracy"]
        0.75
    """

    def __init__(
        self, labels: ArrayLike, probabilities: ArrayLike, threshold: float = 0.5, patients: ArrayLike | None = None
    ) -> None:
        labels, probabilities = _validated(np.asarray(labels), np.asarray(probabilities, dtype=np.float64))
        self._kept = labels != IGNORED_LABEL
        self.labels = labels[self._kept]
        kept = probabilities[self._kept]
        binary = kept.shape[1] == 1
        called = kept[:, 0] >= threshold if binary else kept.argmax(axis=1) > 0
        self._score = (
            BinaryScores(self.labels > 0, kept[:, 0], called) if binary else _multiclass_scorer(self.labels, kept)
        )
        known = None if patients is None else np.asarray(patients)[self._kept]
        self.missed = None if known is None else MissedPatients(known, self.labels > 0, called)

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the scores; `weights` (n,) counts the slices, ignored ones included, None counts each once."""
        kept = np.ones(len(self.labels)) if weights is None else np.asarray(weights, dtype=np.float64)[self._kept]
        return self._score(kept) | (self.missed(kept) if self.missed else {})


def best_f1_threshold(labels: ArrayLike, probabilities: ArrayLike, default: float = _DEFAULT_THRESHOLD) -> float:
    """Return the threshold with the largest F1; a slice is positive if its probability is at least the threshold.

    The threshold lies halfway between two neighboring probabilities, so rounding moves no slice across it. Of equally
    good thresholds the nearest to 0.5 is taken, of two equally near the lower.

    Args:
        labels: (n,) with 0, 1 and -1 (ignored).
        probabilities: (n,) of the positive class.
        default: taken where the labels leave no choice.

    Returns:
        The threshold; `default` for labels of one class and for probabilities (n, K) of several classes.

    Raises:
        ValueError: a probability of a labeled slice is not finite.

    Example:
        >>> best_f1_threshold([0, 0, 1, 1], [0.125, 0.25, 0.5, 0.75])
        0.375
    """
    all_labels, scores = np.asarray(labels).reshape(-1), np.asarray(probabilities, dtype=np.float64)
    if scores.size != all_labels.size:
        return default
    kept = all_labels != IGNORED_LABEL
    positive = all_labels[kept] > 0
    if positive.all() or not positive.any():
        return default
    scores = scores.reshape(-1)[kept]
    _require_finite(scores[:, None])
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


def _validated(labels: NDArray, probabilities: NDArray) -> tuple[NDArray, NDArray]:
    """Return labels (n,) as integers and probabilities (n, K)."""
    labels = labels.reshape(-1).astype(np.int64)
    probabilities = probabilities[:, None] if probabilities.ndim == 1 else probabilities
    if len(probabilities) != len(labels):
        raise ValueError(
            f"probabilities must be one row per label, got {len(probabilities)} for {len(labels)} labels: "
            "take both from the same slices."
        )
    _require_finite(probabilities)
    num_classes = max(2, probabilities.shape[1])
    if len(labels) and not (labels.min() >= IGNORED_LABEL and labels.max() < num_classes):
        raise ValueError(
            f"labels must be from -1 to {num_classes - 1}, got {labels.min()} to {labels.max()}: "
            "give one probability per class."
        )
    return labels, probabilities


def _require_finite(probabilities: NDArray) -> None:
    bad = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"probabilities must be finite, got NaN or infinity for {bad} slices: check whether training diverged."
        )


def _multiclass_scorer(labels: NDArray, probabilities: NDArray) -> Callable[[NDArray], dict[str, float]]:
    """Return the scorer of (n, K) probabilities."""
    num_classes = probabilities.shape[1]
    predicted = probabilities.argmax(axis=1)
    rest = [BinaryScores(labels == k, probabilities[:, k], predicted == k) for k in range(num_classes)]

    def score(weights: NDArray) -> dict[str, float]:
        pairs = np.bincount(labels * num_classes + predicted, weights, num_classes**2)
        pairs = pairs.reshape(num_classes, num_classes)  # (label, prediction)
        occurs = pairs.sum(axis=1) > 0
        each = [scorer(weights) for scorer, is_there in zip(rest, occurs, strict=True) if is_there]
        macro = {name: _mean_of_defined([scores[name] for scores in each]) for name in BinaryScores.names}
        return macro | _agreement(pairs)

    return score


def _agreement(pairs: NDArray) -> dict[str, float]:
    """Return accuracy and Cohen's kappa of a (K, K) table of labels against predictions."""
    total = float(pairs.sum())
    agreed = float(np.trace(pairs))
    by_chance = ratio(float(pairs.sum(axis=0) @ pairs.sum(axis=1)), total)
    return {"accuracy": ratio(agreed, total), "cohen_kappa": ratio(agreed - by_chance, total - by_chance)}


def _mean_of_defined(values: list[float]) -> float:
    """Return the mean of the values that are not NaN, NaN without any."""
    defined = [value for value in values if not np.isnan(value)]
    return ratio(float(np.sum(defined)), len(defined))
