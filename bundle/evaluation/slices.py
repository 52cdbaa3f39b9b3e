"""Slice and volume scores of a test set, with everything fixed on validation data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import (
    Predictions,
    SliceScorer,
    VolumeTable,
    best_f1_threshold,
    cluster_bootstrap,
    paired_difference,
    position_baseline,
    slice_scores,
    volume_probability,
    volume_scores,
)


class SliceEvaluation:
    """Scores the labels of a test set, per slice, per site and per volume, and beside the position-only baseline.

    Args:
        test: the slices to score.
        validation: where thresholds are chosen; None leaves them at 0.5.
        threshold: for the slices.
        volume_threshold: for all volume scores; None chooses one each.
        draws: resamplings of the patients.
        seed: of the resampling.

    Example:
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> test = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> SliceEvaluation(test, None, threshold=0.5, draws=20).per_site()["b"]["f1"]
        1.0
    """

    def __init__(
        self,
        test: Predictions,
        validation: Predictions | None,
        *,
        threshold: float,
        volume_threshold: float | None = None,
        draws: int = 1000,
        seed: int = 0,
    ) -> None:
        self.test, self.validation = test, validation
        self.threshold, self.volume_threshold = threshold, volume_threshold
        self.draws, self.seed = draws, seed
        self.scorer = SliceScorer(test.label, test.probability, threshold)

    def intervals(self) -> dict[str, Any]:
        """Return the intervals of the slice scores."""
        return cluster_bootstrap(self.test.patient, self.scorer, self.draws, self.seed)

    def per_site(self) -> dict[str, dict[str, float]]:
        """Return the slice scores and counts of each site."""
        return {str(site): self.of_site(self.test.site == site) for site in np.unique(self.test.site)}

    def of_site(self, chosen: NDArray) -> dict[str, float]:
        """Return the scores of one site's slices."""
        site = self.test.select(chosen)
        return slice_scores(site.label, site.probability, self.threshold) | counts(site)

    def volumes(self, top_k: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the scores of max, top-k mean and noisy-or, each at its threshold, and their intervals."""
        table = VolumeTable.from_slices(self.test.case, self.test.label, self.test.probability, top_k)
        thresholds = self.volume_thresholds(top_k)
        scores = volume_scores(self.test.case, self.test.label, self.test.probability, thresholds, top_k)
        intervals = {}
        for how, probability in table.probability.items():
            scorer = SliceScorer(table.label, probability, thresholds[how])
            intervals[how] = cluster_bootstrap(self.test.patient[table.first], scorer, self.draws, self.seed)
        return {how: one | {"threshold": thresholds[how]} for how, one in scores.items()}, intervals

    def volume_thresholds(self, top_k: int) -> dict[str, float]:
        """Return for each kind of volume probability the threshold that is given, or best on validation data."""
        if self.volume_threshold is not None:
            return dict.fromkeys(volume_probability([]), self.volume_threshold)
        slices = self.test.select(np.zeros(0, dtype=np.int64)) if self.validation is None else self.validation
        table = VolumeTable.from_slices(slices.case, slices.label, slices.probability, top_k)
        return {how: best_f1_threshold(table.label, values) for how, values in table.probability.items()}

    def position(self, train_position: ArrayLike, train_label: ArrayLike) -> dict[str, Any]:
        """Return the scores of slice position alone, and how far the classifier is above it."""
        labels = any_class(self.test.label)
        alone = position_baseline(train_position, train_label, self.test.position)
        threshold = 0.5
        if self.validation is not None:
            guess = position_baseline(train_position, train_label, self.validation.position)
            threshold = best_f1_threshold(any_class(self.validation.label), guess)
        baseline = SliceScorer(labels, alone, threshold)
        mine = SliceScorer(labels, any_class_probability(self.test.probability), self.threshold)
        return {
            "slice": slice_scores(labels, alone, threshold),
            "threshold": threshold,
            "intervals": cluster_bootstrap(self.test.patient, baseline, self.draws, self.seed),
            "difference": paired_difference(mine, baseline, self.test.patient, self.draws, self.seed),
        }


def counts(slices: Predictions) -> dict[str, int]:
    """Return how many labelled slices, positives, cases, patients and sites there are."""
    labelled = slices.select(slices.label != IGNORED_LABEL)
    return {
        "slices": len(labelled),
        "positives": int((labelled.label > 0).sum()),
        "unlabelled": len(slices) - len(labelled),
        "cases": len(np.unique(slices.case)),
        "patients": len(np.unique(slices.patient)),
        "sites": len(np.unique(slices.site)),
    }


def any_class(labels: NDArray) -> NDArray:
    """Return 1 for every class but background; position alone cannot tell several apart."""
    return np.minimum(labels, 1)


def any_class_probability(probability: NDArray) -> NDArray:
    """Return the probability of any class but background."""
    return 1 - probability[:, 0] if probability.ndim == 2 and probability.shape[1] > 1 else probability
