"""The difference of two models on the same slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.metrics.bootstrap import bootstrap_draws, percentiles

Scorer = Callable[[NDArray | None], Mapping[str, float]]


class Difference(NamedTuple):
    """A difference of scores, its interval, and the two-sided p-value of no difference, uncorrected.

    Of n patients the p-value is at least 2^(1-n), below which exchanging the two models patient by patient could not
    come: a bootstrap of few patients never draws what they do not hold, and would claim more than they can show.
    """

    value: float
    low: float
    high: float
    draws: int
    p_value: float


def paired_difference(
    one: Scorer, other: Scorer, clusters: ArrayLike, draws: int = 1000, seed: int = 0, confidence: float = 0.95
) -> dict[str, Difference]:
    """Return score by score how much `one` is above `other`, with intervals from resampling the same patients for both.

    Args:
        one: `SliceScorer`, `MapScorer` or the like; called with weights (n,), and with None for the value itself.
        other: the same kind.
        clusters: (n,) the patient of each slice.
        draws: see `cluster_bootstrap`.
        seed: see `cluster_bootstrap`.
        confidence: see `cluster_bootstrap`.

    Example:
        >>> from bundle.metrics import SliceScorer
        >>> good, bad = SliceScorer([1, 0], [0.9, 0.1]), SliceScorer([1, 0], [0.1, 0.9])
        >>> paired_difference(good, bad, ["a", "b"], draws=50)["accuracy"]
        Difference(value=1.0, low=1.0, high=1.0, draws=50, p_value=0.5)
    """

    def subtract(weights: NDArray | None) -> dict[str, float]:
        mine, theirs = one(weights), other(weights)
        return {name: mine[name] - theirs[name] for name in mine if name in theirs}

    value = subtract(None)
    drawn = bootstrap_draws(clusters, subtract, draws, seed)
    smallest = 2.0 ** (1 - len(np.unique(clusters)))
    return {
        name: Difference(
            value[name],
            *percentiles(drawn[name], confidence),
            p_value=float(np.maximum(smallest, two_sided_p_value(drawn[name]))),
        )
        for name in value
        if name in drawn
    }


def two_sided_p_value(differences: NDArray) -> float:
    """Return twice the share of draws on the rarer side of zero; the drawn sample counts too, so it is never 0."""
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    rarer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(defined) + 1))
