"""Mean map scores for any weights of the slices."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.metrics.binary_scores import ratio


class MapScorer:
    """Averages map scores over positive slices that have a mask, under any weights, so that patients can be resampled.

    Args:
        scores: arrays of `map_scores`: (n,), and `iou` (n, T).
        labels: (n,) classes; slices of class 0 and -1 do not count, nor do those whose scores are NaN.
        iou_index: which of the T thresholds to take, fixed on validation data by `best_iou_index`.

    Example:
        >>> scorer = MapScorer({"pointing_game": np.array([1.0, 0.0, np.nan])}, [1, 1, 1])
        >>> scorer(np.array([3.0, 1.0, 5.0])), scorer.count
        ({'pointing_game': 0.75}, 2)
    """

    def __init__(self, scores: Mapping[str, NDArray], labels: ArrayLike, iou_index: int = 0) -> None:
        columns = {name: values[:, iou_index] if values.ndim == 2 else values for name, values in scores.items()}
        counts = np.asarray(labels) > 0
        for values in columns.values():
            counts = counts & ~np.isnan(values)
        self._used = np.flatnonzero(counts) if columns else np.zeros(0, dtype=np.int64)
        self._columns = {name: values[self._used].astype(np.float64) for name, values in columns.items()}
        self.count = len(self._used)

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the weighted means; `weights` (n,) counts all slices, None counts each once."""
        kept = np.ones(self.count) if weights is None else np.asarray(weights, dtype=np.float64)[self._used]
        total = float(kept.sum())
        return {name: ratio(float(kept @ values), total) for name, values in self._columns.items()}
