"""Intervals and paired differences from resampling patients, and p-values corrected for several comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """The bounds of a bootstrap interval and the number of resamples it comes from.

    Example:
        >>> low, high, draws = Interval(0.7, 0.9, 1000)
    """

    low: float
    high: float
    draws: int
    """Resamples with a defined statistic (one may hold a single class); the name is a key of metrics.json."""


def cluster_bootstrap(
    clusters: ArrayLike,
    statistic: Callable[[NDArray], Mapping[str, float]],
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Return percentile intervals of `statistic` from drawing whole clusters (patients) with replacement.

    The slices of a patient resemble each other, so patients are drawn, not slices. `statistic` gets a resample as one
    weight per slice: how often its patient was drawn. Nothing is copied, and the difference of two models is paired
    if one statistic computes both from the same weights.

    Args:
        clusters: (n,) the patient of each slice.
        statistic: weights (n,) float -> named numbers, NaN if undefined for these weights.
        n_resamples: at least 1.
        seed: equal seeds and clusters give equal resamples.
        confidence: in (0, 1).

    Returns:
        The interval of each name over its defined resamples, and their number; NaN bounds if there is none, or only
        one cluster.

    Raises:
        ValueError: `n_resamples` or `confidence` out of range.

    Example:
        >>> values = np.array([0.0, 1.0, 1.0, 2.0])
        >>> mean = lambda weights: {"mean": weights @ values / weights.sum()}
        >>> cluster_bootstrap(["a", "b", "b", "c"], mean)["mean"]
        Interval(low=0.0, high=2.0, draws=1000)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}: 0.95 is the default.")
    drawn = _resampled(clusters, statistic, n_resamples, seed)
    return {name: _percentiles(values, confidence) for name, values in drawn.items()}


def _resampled(
    clusters: ArrayLike, statistic: Callable[[NDArray], Mapping[str, float]], n_resamples: int, seed: int
) -> dict[str, NDArray]:
    """Return the values (n_resamples,) of each name of `statistic`, see `cluster_bootstrap`."""
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}: 1000 is the default.")
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    if not len(names):
        return {}
    if len(names) == 1:  # all resamples would be equal: one patient says nothing about others
        return {name: np.full(n_resamples, np.nan) for name in statistic(np.ones(len(member)))}
    counts = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples)
    drawn: dict[str, list[float]] = {}
    for count in counts.astype(np.float64):
        for name, value in statistic(count[member]).items():
            drawn.setdefault(name, []).append(value)
    return {name: np.asarray(values, dtype=np.float64) for name, values in drawn.items()}


def _percentiles(values: NDArray, confidence: float) -> Interval:
    """Return the central `confidence` interval of the values that are not NaN."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return Interval(float("nan"), float("nan"), 0)
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), len(defined))


Scorer = Callable[[NDArray | None], Mapping[str, float]]


class Difference(NamedTuple):
    """A difference of scores, its interval, and the two-sided p-value of no difference, uncorrected.

    With n patients the p-value is floored at 2^(1-n), the smallest that an exact sign-flip test can give; the bootstrap
    of a few patients is otherwise overconfident.
    """

    value: float
    low: float
    high: float
    draws: int
    p_value: float


def paired_difference(
    scorer: Scorer,
    reference: Scorer,
    clusters: ArrayLike,
    n_resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Difference]:
    """Return each score of `scorer` minus that of `reference`, with intervals from the same resamples for both.

    Args:
        scorer: `SliceScorer`, `MapScorer` or the like; called with weights (n,), and with None for the value itself.
        reference: the same kind.
        clusters: (n,) the patient of each slice.
        n_resamples: see `cluster_bootstrap`.
        seed: see `cluster_bootstrap`.
        confidence: see `cluster_bootstrap`.

    Example:
        >>> from bundle.metrics.slices import SliceScorer
        >>> good, bad = SliceScorer([1, 0], [0.9, 0.1]), SliceScorer([1, 0], [0.1, 0.9])
        >>> paired_difference(good, bad, ["a", "b"], n_resamples=50)["accuracy"]
        Difference(value=1.0, low=1.0, high=1.0, draws=50, p_value=0.5)
    """

    def subtract(weights: NDArray | None) -> dict[str, float]:
        scores, baseline = scorer(weights), reference(weights)
        return {name: scores[name] - baseline[name] for name in scores if name in baseline}

    value = subtract(None)
    drawn = _resampled(clusters, subtract, n_resamples, seed)
    smallest = 2.0 ** (1 - len(np.unique(clusters)))
    return {
        name: Difference(
            value[name],
            *_percentiles(drawn[name], confidence),
            p_value=float(np.maximum(smallest, _two_sided_p_value(drawn[name]))),
        )
        for name in value
        if name in drawn
    }


def _two_sided_p_value(differences: NDArray) -> float:
    """Return twice the share of resamples on the rarer side of zero; the sample itself counts too, so it is never 0."""
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return float("nan")
    rarer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(defined) + 1))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's corrected p-values, which bound the chance of any false finding among all comparisons.

    Args:
        p_values: name of a comparison -> its p-value; NaN stays NaN and does not count.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    ascending = sorted((name for name in p_values if not np.isnan(p_values[name])), key=lambda name: p_values[name])
    corrected, largest = dict(p_values), 0.0
    for rank, name in enumerate(ascending):
        largest = min(1.0, max(largest, (len(ascending) - rank) * p_values[name]))
        corrected[name] = largest
    return corrected
