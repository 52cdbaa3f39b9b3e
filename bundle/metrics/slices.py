"""Scores of slices under any weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics.binary_scores import BinaryScores, MissedAtSpecificity, MissedPatients, ratio
from bundle.metrics.predictions import foreground_probability


def slice_scores(
    labels: ArrayLike, probabilities: ArrayLike, threshold: float = 0.5, patients: ArrayLike | None = None
) -> dict[str, float]:
    """Return the scores of `BinaryScores` and, where patients are known, those that are missed, with their counts.

    A score without a value (one class only, no slice at all) is NaN; the counts `n` and `positives` show why.

    Args:
        labels: (n,) class indices, 0 is background; -1 is ignored.
        probabilities: (n,) of the positive class, or (n, K) of K classes (then macro averages, see `SliceScorer`).
        threshold: smallest probability of a positive slice, of several classes that of any but background.
        patients: (n,) the patient of each slice.

    Raises:
        ValueError: lengths differ, a probability is not finite, or a label is no class.

    Example:
        >>> slice_scores([1, 1, 0, 0, -1], [0.9, 0.4, 0.6, 0.1, 0.5])["auroc"]
        0.75
    """
    scorer = SliceScorer(labels, probabilities, threshold, patients)
    counts = {"n": len(scorer.labels), "positives": int((scorer.labels > 0).sum())}
    for missed in scorer.missed:
        counts |= missed.counts
    return scorer() | counts


class SliceScorer:
    """Scores a slice classifier under any weights, so that patients can be resampled cheaply.

    With one probability per slice the classifier is binary: a slice is positive if it is at least `threshold`. With K
    probabilities the class with the largest is predicted, accuracy and Cohen's kappa are over all classes, and every
    other score is the macro average of one-against-the-rest scores over the classes that occur. Which patients are
    missed is told as inference tells a positive slice: the probability of any class but background is at least
    `threshold`.

    Args:
        labels: (n,) class indices; -1 is ignored.
        probabilities: (n,), (n, 1) or (n, K).
        threshold: smallest probability of a positive slice, of several classes that of any but background.
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
        called = foreground_probability(kept) >= threshold
        self._score = (
            BinaryScores(self.labels > 0, kept[:, 0], called) if binary else _multiclass_scorer(self.labels, kept)
        )
        self.missed: list[MissedPatients | MissedAtSpecificity] = []
        if patients is not None:
            known = np.asarray(patients)[self._kept]
            self.missed.append(MissedPatients(known, self.labels > 0, called))
            if binary:
                self.missed.append(MissedAtSpecificity(known, self.labels > 0, kept[:, 0]))

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the scores; `weights` (n,) counts the slices, ignored ones included, None counts each once."""
        kept = np.ones(len(self.labels)) if weights is None else np.asarray(weights, dtype=np.float64)[self._kept]
        scores = self._score(kept)
        for missed in self.missed:
            scores |= missed(kept)
        return scores


def _validated(labels: NDArray, probabilities: NDArray) -> tuple[NDArray, NDArray]:
    """Return labels (n,) as integers and probabilities (n, K)."""
    labels = labels.reshape(-1).astype(np.int64)
    probabilities = probabilities[:, None] if probabilities.ndim == 1 else probabilities
    if len(probabilities) != len(labels):
        raise ValueError(
            f"probabilities must be one row per label, got {len(probabilities)} for {len(labels)} labels: "
            "take both from the same slices."
        )
    require_finite(probabilities)
    num_classes = max(2, probabilities.shape[1])
    if len(labels) and not (labels.min() >= IGNORED_LABEL and labels.max() < num_classes):
        raise ValueError(
            f"labels must be from -1 to {num_classes - 1}, got {labels.min()} to {labels.max()}: "
            "give one probability per class."
        )
    return labels, probabilities


def require_finite(probabilities: NDArray) -> None:
    """Refuse probabilities (n, K) that are NaN or infinite."""
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
