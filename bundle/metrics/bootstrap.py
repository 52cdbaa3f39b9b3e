"""Intervals from resampling patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.metrics.interval import Interval


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
