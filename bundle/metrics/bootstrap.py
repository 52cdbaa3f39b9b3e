"""Intervals from resampling patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy import isnan
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """The bounds of a bootstrap interval and how many draws had a value.

    Example:
        >>> low, high, draws = Interval(0.7, 0.9, 1000)
    """

    low: float
    high: float
    draws: int
    """Draws in which the statistic was defined (a draw may hold one class only)."""


def cluster_bootstrap(
    clusters: ArrayLike,
    statistic: Callable[[NDArray], Mapping[str, float]],
    draws: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Return percentile intervals of `statistic` from drawing whole clusters (patients) with replacement.

    The slices of a patient resemble each other, so patients are drawn, not slices. A draw reaches `statistic` as one
    weight per slice: how often its patient was drawn. Nothing is copied, and the difference of two models is paired
    when one statistic computes both from the same weights.

    Args:
        clusters: (n,) the patient of each slice.
        statistic: weights (n,) float -> named numbers, NaN where a draw leaves one undefined.
        draws: at least 1.
        seed: equal seeds and clusters give equal draws.
        confidence: in (0, 1).

    Returns:
        For each name its interval over the draws that were defined, and their number; NaN bounds where none was, or
        there is one cluster only.

    Raises:
        ValueError: `draws` or `confidence` outside their range.

    Example:
        >>> values = np.array([0.0, 1.0, 1.0, 2.0])
        >>> mean = lambda weights: {"mean": weights @ values / weights.sum()}
        >>> cluster_bootstrap(["a", "b", "b", "c"], mean)["mean"]
        Interval(low=0.0, high=2.0, draws=1000)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"Expected 0 < confidence < 1, got confidence={confidence}.")
    drawn = bootstrap_draws(clusters, statistic, draws, seed)
    return {name: percentiles(values, confidence) for name, values in drawn.items()}


def bootstrap_draws(
    clusters: ArrayLike, statistic: Callable[[NDArray], Mapping[str, float]], draws: int, seed: int
) -> dict[str, NDArray]:
    """Return for each name of `statistic` its value in every draw, (draws,); see `cluster_bootstrap`."""
    if draws < 1:
        raise ValueError(f"Expected draws >= 1, got draws={draws}.")
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    if not len(names):
        return {}
    if len(names) == 1:  # every draw would be the same: one patient says nothing of others
        return {name: np.full(draws, np.nan) for name in statistic(np.ones(len(member)))}
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    drawn: dict[str, list[float]] = {}
    for count in counts.astype(np.float64):
        for name, value in statistic(count[member]).items():
            drawn.setdefault(name, []).append(value)
    return {name: np.asarray(values, dtype=np.float64) for name, values in drawn.items()}


def percentiles(values: NDArray, confidence: float) -> Interval:
    """Return the middle `confidence` part of the values that are defined."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(float("nan"), float("nan"), 0)
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), len(defined))


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
        >>> from bundle.metrics.slices import SliceScorer
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


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's corrected p-values: the chance of any false finding among all of them stays below the level.

    Args:
        p_values: name of a comparison -> its p-value; NaN stays NaN and does not count.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    ascending = sorted((name for name in p_values if not isnan(p_values[name])), key=lambda name: p_values[name])
    corrected, largest = dict(p_values), 0.0
    for place, name in enumerate(ascending):
        largest = min(1.0, max(largest, (len(ascending) - place) * p_values[name]))
        corrected[name] = largest
    return corrected
