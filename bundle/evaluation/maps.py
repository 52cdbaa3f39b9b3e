"""Map scores of a test set, beside the center prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from bundle.metrics import IOU_THRESHOLDS, MapScorer, Predictions, best_iou_index, cluster_bootstrap, paired_difference


class MapEvaluation:
    """Averages map scores over the positive slices with a mask; the IoU threshold is chosen on validation data.

    Args:
        test: the slices to score, with `map_scores` and perhaps `prior_map_scores`.
        validation: slices to choose the threshold with the best IoU on; with None it is 0.5.
        thresholds: those of the `iou` curves.
        n_resamples: resamples of the patients.
        seed: of the resampling.

    Example:
        >>> import numpy as np
        >>> names, zero = np.array(["a", "b"]), np.array([0, 0])
        >>> maps = {"pointing_game": np.array([1.0, 0.0])}
        >>> test = Predictions(names, names, names, zero, np.array([1, 1]), np.array([0.5, 0.5]), maps)
        >>> MapEvaluation(test, None, n_resamples=20).scores()["pointing_game"]
        0.5
    """

    def __init__(
        self,
        test: Predictions,
        validation: Predictions | None,
        *,
        thresholds: Sequence[float] = IOU_THRESHOLDS,
        n_resamples: int = 1000,
        seed: int = 0,
    ) -> None:
        self.test = test
        self._thresholds = tuple(thresholds)
        self._n_resamples, self._seed = n_resamples, seed
        labels = None if validation is None else validation.label
        self._iou_index = self._best_index({} if validation is None else validation.map_scores, labels)
        self._prior_iou_index = self._best_index({} if validation is None else validation.prior_map_scores, labels)
        self._scorer = MapScorer(test.map_scores, test.label, self._iou_index)
        self._prior_scorer = MapScorer(test.prior_map_scores, test.label, self._prior_iou_index)

    def _best_index(self, scores: Mapping[str, NDArray], labels: NDArray | None) -> int:
        """Return the index of the best threshold on validation data, else of the one nearest to 0.5."""
        best = best_iou_index(scores["iou"], labels) if labels is not None and "iou" in scores else None
        nearest = min(range(len(self._thresholds)), key=lambda index: abs(self._thresholds[index] - 0.5))
        return nearest if best is None else best

    def scores(self) -> dict[str, Any]:
        """Return the mean scores, their number of slices and the IoU threshold."""
        return self._scorer(None) | {"n": self._scorer.count, "iou_threshold": self._thresholds[self._iou_index]}

    def intervals(self) -> dict[str, Any]:
        """Return the intervals of the mean scores."""
        return cluster_bootstrap(self.test.patient, self._scorer, self._n_resamples, self._seed)

    def prior(self) -> dict[str, Any]:
        """Return the scores of the center prior, and the paired difference of the maps to it."""
        patient = self.test.patient
        counted = {"n": self._prior_scorer.count, "iou_threshold": self._thresholds[self._prior_iou_index]}
        return {
            "map": self._prior_scorer(None) | counted,
            "intervals": cluster_bootstrap(patient, self._prior_scorer, self._n_resamples, self._seed),
            "difference": paired_difference(self._scorer, self._prior_scorer, patient, self._n_resamples, self._seed),
        }
