"""Map scores of a test set, beside the centre prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from bundle.metrics import IOU_THRESHOLDS, MapScorer, Predictions, best_iou_index, cluster_bootstrap, paired_difference


class MapEvaluation:
    """Averages map scores over the positive slices with a mask; the cut for the IoU is fixed on validation data.

    Args:
        test: the slices to score, with `map_scores` and perhaps `prior_map_scores`.
        validation: where the cut with the best IoU is chosen; without it the cut is 0.5.
        thresholds: the cuts that `iou` was computed for.
        draws: resamplings of the patients.
        seed: of the resampling.

    Example:
        >>> import numpy as np
        >>> names, zero = np.array(["a", "b"]), np.array([0, 0])
        >>> maps = {"pointing_game": np.array([1.0, 0.0])}
        >>> test = Predictions(names, names, names, zero, np.array([1, 1]), np.array([0.5, 0.5]), maps)
        >>> MapEvaluation(test, None, draws=20).scores()["pointing_game"]
        0.5
    """

    def __init__(
        self,
        test: Predictions,
        validation: Predictions | None,
        *,
        thresholds: Sequence[float] = IOU_THRESHOLDS,
        draws: int = 1000,
        seed: int = 0,
    ) -> None:
        self.test = test
        self.thresholds = tuple(thresholds)
        self.draws, self.seed = draws, seed
        labels = None if validation is None else validation.label
        self.cut = self.best_cut({} if validation is None else validation.map_scores, labels)
        self.prior_cut = self.best_cut({} if validation is None else validation.prior_map_scores, labels)
        self.scorer = MapScorer(test.map_scores, test.label, self.cut)
        self.prior_scorer = MapScorer(test.prior_map_scores, test.label, self.prior_cut)

    def best_cut(self, scores: Mapping[str, NDArray], labels: NDArray | None) -> int:
        """Return the index of the cut that is best on validation data, else of the one nearest to 0.5."""
        best = best_iou_index(scores["iou"], labels) if labels is not None and "iou" in scores else None
        nearest = min(range(len(self.thresholds)), key=lambda index: abs(self.thresholds[index] - 0.5))
        return nearest if best is None else best

    def scores(self) -> dict[str, Any]:
        """Return the mean scores, how many slices they are of, and the cut."""
        return self.scorer(None) | {"n": self.scorer.count, "iou_threshold": self.thresholds[self.cut]}

    def intervals(self) -> dict[str, Any]:
        """Return the intervals of the mean scores."""
        return cluster_bootstrap(self.test.patient, self.scorer, self.draws, self.seed)

    def prior(self) -> dict[str, Any]:
        """Return the scores of the centre prior, and how far the maps are above it."""
        patient = self.test.patient
        counted = {"n": self.prior_scorer.count, "iou_threshold": self.thresholds[self.prior_cut]}
        return {
            "map": self.prior_scorer(None) | counted,
            "intervals": cluster_bootstrap(patient, self.prior_scorer, self.draws, self.seed),
            "difference": paired_difference(self.scorer, self.prior_scorer, patient, self.draws, self.seed),
        }
