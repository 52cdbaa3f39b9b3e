"""Slice and volume scores of a test set, with all thresholds chosen on validation data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import (
    BEST_F1,
    F1Threshold,
    Predictions,
    SliceScorer,
    VolumeTable,
    best_f1_threshold,
    chosen_threshold,
    cluster_bootstrap,
    foreground_probability,
    paired_difference,
    position_baseline,
    position_parabola,
    slice_scores,
    volume_probability,
    volume_scores,
)


class SliceEvaluation:
    """Scores the predictions of a test set per slice, site and volume, and beside the position-only baseline.

    Args:
        test: the slices to score.
        validation: slices to choose thresholds on; with None they are 0.5.
        threshold: for the slices.
        volume_threshold: for all volume scores; with None each has its own, or that of the slices.
        threshold_rule: finds the threshold of slice position alone.
        n_resamples: resamples of the patients.
        seed: of the resampling.

    Example:
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> test = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> SliceEvaluation(test, None, threshold=0.5, n_resamples=20).per_site()["b"]["f1"]
        1.0
    """

    def __init__(
        self,
        test: Predictions,
        validation: Predictions | None,
        *,
        threshold: float,
        volume_threshold: float | None = None,
        threshold_rule: F1Threshold = BEST_F1,
        n_resamples: int = 1000,
        seed: int = 0,
    ) -> None:
        self._test, self._validation = test, validation
        self._threshold, self._volume_threshold, self._rule = threshold, volume_threshold, threshold_rule
        self._n_resamples, self._seed = n_resamples, seed
        self._scorer = SliceScorer(test.label, test.probability, threshold, test.patient)

    def intervals(self) -> dict[str, Any]:
        """Return the intervals of the slice scores."""
        return cluster_bootstrap(self._test.patient, self._scorer, self._n_resamples, self._seed)

    def per_site(self) -> dict[str, dict[str, float]]:
        """Return the slice scores and counts of each site."""
        return {str(site): self._of_site(self._test.site == site) for site in np.unique(self._test.site)}

    def _of_site(self, chosen: NDArray) -> dict[str, float]:
        """Return the scores of one site's slices."""
        site = self._test.select(chosen)
        return slice_scores(site.label, site.probability, self._threshold, site.patient) | counts(site)

    def volumes(self, top_k: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the scores of max, top-k mean and noisy-or, each at its threshold, and their intervals."""
        table = VolumeTable.from_slices(self._test.case, self._test.label, self._test.probability, top_k)
        thresholds = self._volume_thresholds(top_k)
        scores = volume_scores(self._test.case, self._test.label, self._test.probability, thresholds, top_k)
        intervals = {}
        for kind, probability in table.probability.items():
            scorer = SliceScorer(table.label, probability, thresholds[kind])
            intervals[kind] = cluster_bootstrap(self._test.patient[table.first], scorer, self._n_resamples, self._seed)
        return {kind: found | {"threshold": thresholds[kind]} for kind, found in scores.items()}, intervals

    def _volume_thresholds(self, top_k: int) -> dict[str, float]:
        """Return the threshold of each kind of volume probability: the given one, or the best on validation data.

        Where validation volumes are all positive or all negative it is that of the slices: with another one every slice
        could be positive and the volume negative.
        """
        if self._volume_threshold is not None:
            return dict.fromkeys(volume_probability([]), self._volume_threshold)
        slices = self._test.select(np.zeros(0, dtype=np.int64)) if self._validation is None else self._validation
        table = VolumeTable.from_slices(slices.case, slices.label, slices.probability, top_k)
        kinds = table.probability.items()
        return {kind: best_f1_threshold(table.label, values, default=self._threshold) for kind, values in kinds}

    def position(self, train_position: ArrayLike, train_label: ArrayLike) -> dict[str, Any]:
        """Return the scores of slice position alone, and the paired difference of the classifier to it."""
        labels = _any_class(self._test.label)
        position_only = position_baseline(train_position, train_label, self._test.position)
        threshold = 0.5
        if self._validation is not None:
            probability = position_baseline(train_position, train_label, self._validation.position)
            threshold, _ = chosen_threshold("validation", _any_class(self._validation.label), probability, self._rule)
        patient = self._test.patient
        baseline = SliceScorer(labels, position_only, threshold, patient)
        scorer = SliceScorer(labels, foreground_probability(self._test.probability), self._threshold, patient)
        return {
            "slice": slice_scores(labels, position_only, threshold, patient),
            "threshold": threshold,
            "parabola": _parabola(train_position, train_label),
            "intervals": cluster_bootstrap(patient, baseline, self._n_resamples, self._seed),
            "difference": paired_difference(scorer, baseline, patient, self._n_resamples, self._seed),
        }


def counts(slices: Predictions) -> dict[str, int]:
    """Return the numbers of labeled slices, positives, cases, patients and sites."""
    labeled = slices.select(slices.label != IGNORED_LABEL)
    return {
        "slices": len(labeled),
        "positives": int((labeled.label > 0).sum()),
        "unlabelled": len(slices) - len(labeled),
        "cases": len(np.unique(slices.case)),
        "patients": len(np.unique(slices.patient)),
        "sites": len(np.unique(slices.site)),
    }


def _parabola(train_position: ArrayLike, train_label: ArrayLike) -> tuple[float, float, float] | None:
    """Return that of slice position alone; None where the training slices have one class."""
    known = np.asarray(train_label)[np.asarray(train_label) != IGNORED_LABEL] > 0
    return position_parabola(train_position, train_label) if known.any() and not known.all() else None


def _any_class(labels: NDArray) -> NDArray:
    """Return 1 for every class but background: position alone cannot separate several."""
    return np.minimum(labels, 1)
