"""Scores of a binary classifier whose samples carry weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class BinaryScores:
    """Computes F1, accuracy, AUROC and the rest for any weights of the same samples.

    Everything that does not depend on the weights (the sort above all) is done once, so that a bootstrap of a thousand
    draws costs a thousand cumulative sums. A weight of 2 counts a sample twice, a weight of 0 leaves it out.

    Scores without a value are NaN: AUROC and specificity need a negative; AUROC, average precision, F1 and sensitivity
    need a positive; Cohen's kappa needs two classes among labels and predictions.

    Args:
        labels: (n,), true for the positive class.
        scores: (n,), larger is more positive; only their order counts.
        predicted: (n,), true where the classifier says positive.

    Example:
        >>> scores = BinaryScores(np.array([True, False]), np.array([0.9, 0.2]), np.array([True, True]))
        >>> scores(np.array([1.0, 3.0]))["accuracy"]
        0.25
    """

    names = ("f1", "accuracy", "auroc", "average_precision", "cohen_kappa", "sensitivity", "specificity")

    def __init__(self, labels: NDArray, scores: NDArray, predicted: NDArray) -> None:
        self._labels = labels.astype(np.float64)
        self._predicted = predicted.astype(np.float64)
        self._order = np.argsort(-scores, kind="stable")
        ranked = scores[self._order]
        # Equal scores are one step of the curves: only the last sample of each run of ties is a corner.
        self._corners = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])

    def __call__(self, weights: NDArray) -> dict[str, float]:
        """Return the scores for `weights` (n,)."""
        positive = float(weights @ self._labels)
        negative = float(weights.sum()) - positive
        called = float(weights @ self._predicted)
        hits = float(weights @ (self._labels * self._predicted))
        auroc, average_precision = self._areas(weights, positive, negative)
        values = (
            self.f1(weights),
            ratio(negative - called + 2 * hits, positive + negative),
            auroc,
            average_precision,
            kappa(positive=positive, negative=negative, called=called, hits=hits),
            ratio(hits, positive),
            ratio(negative - called + hits, negative),
        )
        return dict(zip(self.names, values, strict=True))

    def f1(self, weights: NDArray) -> float:
        """Return F1 alone, without the curves that cost most of a call."""
        positive, called = float(weights @ self._labels), float(weights @ self._predicted)
        hits = float(weights @ (self._labels * self._predicted))
        return ratio(2 * hits, called + positive) if positive else float("nan")

    def _areas(self, weights: NDArray, positive: float, negative: float) -> tuple[float, float]:
        """Return the areas under the ROC curve (trapezia) and under the precision-recall steps."""
        weights, labels = weights[self._order], self._labels[self._order]
        above = np.cumsum(weights)[self._corners]
        hits = np.cumsum(weights * labels)[self._corners]
        misses = above - hits
        gained = np.diff(hits, prepend=0.0)
        area = np.diff(misses, prepend=0.0) @ (hits - gained / 2)
        precision = np.divide(hits, above, out=np.zeros_like(hits), where=above > 0)
        return ratio(float(area), positive * negative), ratio(float(gained @ precision), positive)


def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN where there is no whole."""
    return part / whole if whole else float("nan")


def kappa(*, positive: float, negative: float, called: float, hits: float) -> float:
    """Return Cohen's kappa: agreement beyond chance over the largest agreement beyond chance."""
    total = positive + negative
    agreed = negative - called + 2 * hits
    by_chance = ratio(positive * called + negative * (total - called), total)
    return ratio(agreed - by_chance, total - by_chance)
