"""Scores against what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import ttest_ind


def score_curves(x: Sequence[float], curves: Mapping[str, Sequence[Sequence[float]]], x_label: str) -> NDArray:
    """Return a plot with one curve per score: the mean over runs, with a bar of one standard deviation each way.

    Args:
        x: where the points are, in any order.
        curves: name of a score -> for each point the values of its runs; NaN where a run has none.
        x_label: what x is.

    Returns:
        (3, H, W) uint8.

    Raises:
        ValueError: no curve, or one with another number of points than x.

    Source: figure 4 of the paper.

    Example:
        >>> score_curves([0, 100], {"F1": [[0.7, 0.8], [0.9]]}, "percent of masks").shape
        (3, 400, 560)
    """
    if not curves or any(len(points) != len(x) for points in curves.values()):
        lengths = {name: len(points) for name, points in curves.items()}
        raise ValueError(f"score_curves expected curves of {len(x)} points, got {lengths}.")
    order = np.argsort(x)
    figure = Figure(figsize=(5.6, 4), dpi=100, layout="constrained")  # not pyplot's, which keeps every figure
    axes = figure.subplots()
    for name, points in curves.items():
        means, deviations = zip(*(spread(points[place]) for place in order), strict=True)
        axes.errorbar(np.asarray(x)[order], means, yerr=deviations, marker="o", markersize=4, capsize=3, label=name)
    axes.set(xlabel=x_label, ylabel="score, mean and standard deviation over runs")
    axes.grid(alpha=0.3)
    axes.legend()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy()


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1) of the runs that have a value; one run has no deviation."""
    defined = np.array([value for value in values if np.isfinite(value)])
    if not len(defined):
        return float("nan"), 0.0
    return float(defined.mean()), float(defined.std(ddof=1)) if len(defined) > 1 else 0.0


def verdict(
    baseline: Sequence[float],
    method: Sequence[float],
    *,
    score: str = "F1",
    baseline_name: str = "the plain ViT",
    method_name: str = "LGM-ViT",
) -> str:
    """Return whether the gain of a method over its baseline is larger than the spread of the seeds.

    The interval is Welch's, 95%, of the difference of the means over the seeds (scipy). It speaks of training again
    with other seeds, on the same patients; it does not speak of other patients.

    Args:
        baseline: one score per seed.
        method: one score per seed.
        score: name of the score.
        baseline_name: subject of comparison.
        method_name: subject of the sentence.

    Example:
        >>> verdict([0.7, 0.8, 0.9], [0.7, 0.9, 0.9]).split(": ")[1]
        'the spread hides the gain.'
    """
    one, other = defined(method), defined(baseline)
    if not len(one) or not len(other):
        return f"{method_name} and {baseline_name} cannot be compared: {score} has no value in at least one of them."
    gain = float(one.mean() - other.mean())
    start = f"{method_name}'s {score} is {abs(gain):.3f} {'above' if gain >= 0 else 'below'} that of {baseline_name}"
    if len(one) < 2 or len(other) < 2:
        return f"{start}; one seed each tells nothing about the spread."
    low, high = seed_interval(one, other)
    word = "gain" if gain >= 0 else "loss"
    hidden = low <= 0 <= high
    end = f"the spread hides the {word}" if hidden else f"the {word} is larger than the spread of the seeds"
    return f"{start} (95% interval over seeds {low:.3f} to {high:.3f}): {end}."


def defined(values: Sequence[float]) -> np.ndarray:
    """Return the values that are numbers."""
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def seed_interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return Welch's interval of mean(one) - mean(other); a point where no seed differs from another."""
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        gain = float(one.mean() - other.mean())
        return gain, gain
    bounds = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    return float(bounds.low), float(bounds.high)
