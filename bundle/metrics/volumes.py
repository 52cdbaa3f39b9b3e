"""Scores of volumes, from the probabilities of their slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics.predictions import foreground_probability
from bundle.metrics.slices import slice_scores


def volume_probability(probabilities: ArrayLike, top_k: int = 3) -> dict[str, float]:
    """Return three probabilities that a volume has a positive slice.

    `max` is the largest of the slices' probabilities p, `top_k_mean` the mean of the k largest, `noisy_or` is
    1 - prod(1 - p), which treats the slices as independent and so saturates early.

    Args:
        probabilities: (n,) of the positive class, or (n, K) of K classes, where class 0 is background.
        top_k: slices in the mean; a volume with fewer uses all.

    Raises:
        ValueError: `top_k` below 1.

    Example:
        >>> volume_probability([0.5, 0.5, 0.0, 0.2], top_k=2)
        {'max': 0.5, 'top_k_mean': 0.5, 'noisy_or': 0.8}
    """
    if top_k < 1:
        raise ValueError(f"top_k must be at least 1, got {top_k}: 3 is the default.")
    positive = foreground_probability(np.asarray(probabilities, dtype=np.float64))
    if not positive.size:
        return dict.fromkeys(("max", "top_k_mean", "noisy_or"), float("nan"))
    largest = np.sort(positive)[::-1][:top_k]
    with np.errstate(divide="ignore"):  # for a certain slice log(0) is -inf, and the volume is certain too
        noisy_or = -np.expm1(np.log1p(-positive).sum())
    return {"max": float(largest[0]), "top_k_mean": float(largest.mean()), "noisy_or": round(float(noisy_or), 15)}


class VolumeTable(NamedTuple):
    """Labels and probabilities of volumes, in the order of their first labeled slice.

    A volume is positive if any labeled slice is; slices without a label (-1) count neither for the label nor for the
    probability, and a volume without labeled slices is left out.

    Example:
        >>> table = VolumeTable.from_slices(["b", "a", "b"], [0, 0, 1], [0.2, 0.1, 0.6])
        >>> list(table.case), list(table.label), list(table.probability["max"])
        (['b', 'a'], [1, 0], [0.6, 0.1])
    """

    case: list[str]
    label: list[int]
    probability: dict[str, list[float]]
    first: NDArray
    """Index of the volume's first labeled slice, to look up its patient and site."""

    @classmethod
    def from_slices(cls, cases: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, top_k: int = 3) -> VolumeTable:
        """Gather slices by `cases` (n,); `labels` (n,), `probabilities` (n,) or (n, K)."""
        cases, labels, probabilities = np.asarray(cases), np.asarray(labels), np.asarray(probabilities)
        labeled = np.flatnonzero(labels != IGNORED_LABEL)
        groups = pd.Series(labeled).groupby(cases[labeled], sort=False)
        members = {str(case): group.to_numpy() for case, group in groups}
        rows = [volume_probability(probabilities[indices], top_k) for indices in members.values()]
        return cls(
            case=list(members),
            label=[int((labels[indices] > 0).any()) for indices in members.values()],
            probability={kind: [row[kind] for row in rows] for kind in volume_probability([])},
            first=np.array([indices[0] for indices in members.values()], dtype=np.int64),
        )


def volume_scores(
    cases: ArrayLike,
    labels: ArrayLike,
    probabilities: ArrayLike,
    threshold: float | Mapping[str, float] = 0.5,
    top_k: int = 3,
) -> dict[str, dict[str, float]]:
    """Return the scores of max, top-k mean and noisy-or against "any positive slice".

    Args:
        cases: (n,) name of each slice's volume.
        labels: (n,) slice classes; -1 is ignored.
        probabilities: (n,) or (n, K).
        threshold: a number for all, or a mapping with `max`, `top_k_mean` and `noisy_or`.
        top_k: slices in the top-k mean.

    Returns:
        `max`, `top_k_mean` and `noisy_or`, each with the scores of `slice_scores`, counted in volumes.

    Example:
        >>> volume_scores(["a", "a", "b"], [0, 1, 0], [0.1, 0.8, 0.3])["max"]["auroc"]
        1.0
    """
    table = VolumeTable.from_slices(cases, labels, probabilities, top_k)
    thresholds = threshold if isinstance(threshold, Mapping) else dict.fromkeys(table.probability, threshold)
    return {kind: slice_scores(table.label, values, thresholds[kind]) for kind, values in table.probability.items()}
