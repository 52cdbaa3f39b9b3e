"""Scores over seeds: a plot against the varied setting, and the comparison of two methods in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import ttest_ind


def score_curves(x: Sequence[float], curves: Mapping[str, Sequence[Sequence[float]]], x_label: str) -> NDArray:
    """Return a plot with a curve per score: the mean over runs, with error bars of one standard deviation.

    Args:
        x: the varied setting, in any order.
        curves: name of a score -> for each point the values of its runs; NaN for a run without one.
        x_label: title of the horizontal axis.

    Returns:
        (3, H, W) uint8.

    Raises:
        ValueError: no curve, or not as many points as in x.

    Source: figure 4 of the paper.

    Example:
        >>> score_curves([0, 100], {"F1": [[0.7, 0.8], [0.9]]}, "percent of masks").shape
        (3, 400, 560)
    """
    if not curves or any(len(points) != len(x) for points in curves.values()):
        lengths = {name: len(points) for name, points in curves.items()}
        raise ValueError(f"curves must have {len(x)} points each, got {lengths}: give the runs of every x.")
    order = np.argsort(x)
    figure = Figure(figsize=(5.6, 4), dpi=100, layout="constrained")  # not pyplot's, which keeps every figure
    axes = figure.subplots()
    for name, points in curves.items():
        means, deviations = zip(*(mean_and_deviation(points[index]) for index in order), strict=True)
        axes.errorbar(np.asarray(x)[order], means, yerr=deviations, marker="o", markersize=4, capsize=3, label=name)
    axes.set(xlabel=x_label, ylabel="score, mean and standard deviation over runs")
    axes.grid(alpha=0.3)
    axes.legend()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy()


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1) of the runs that have a value, deviation 0 for a single run."""
    finite = _finite(values)
    if not len(finite):
        return float("nan"), 0.0
    return float(finite.mean()), float(finite.std(ddof=1)) if len(finite) > 1 else 0.0


def seed_comparison_sentence(
    baseline: Sequence[float],
    method: Sequence[float],
    *,
    score: str = "F1",
    baseline_name: str = "the plain ViT",
    method_name: str = "LGM-ViT",
) -> str:
    """Compare the gain of a method over its baseline with the spread of the seeds, in a sentence.

    The interval is Welch's, 95%, of the difference of the means over the seeds (scipy). It covers training again with
    other seeds on the same patients, not other patients.

    Args:
        baseline: a score per seed.
        method: a score per seed.
        score: name of the score.
        baseline_name: object of the comparison.
        method_name: subject of the sentence.

    Example:
        >>> seed_comparison_sentence([0.7, 0.8, 0.9], [0.7, 0.9, 0.9]).split(": ")[1]
        'the spread hides the gain.'
    """
    scores, reference = _finite(method), _finite(baseline)
    if not len(scores) or not len(reference):
        return f"{method_name} and {baseline_name} cannot be compared: {score} has no value in at least one of them."
    gain = float(scores.mean() - reference.mean())
    start = f"{method_name}'s {score} is {abs(gain):.3f} {'above' if gain >= 0 else 'below'} that of {baseline_name}"
    if len(scores) < 2 or len(reference) < 2:
        return f"{start}; one seed each tells nothing about the spread."
    low, high = _welch_interval(scores, reference)
    word = "gain" if gain >= 0 else "loss"
    hidden = low <= 0 <= high
    end = f"the spread hides the {word}" if hidden else f"the {word} is larger than the spread of the seeds"
    return f"{start} (95% interval over seeds {low:.3f} to {high:.3f}): {end}."


def _finite(values: Sequence[float]) -> np.ndarray:
    """Return the values that are neither NaN nor infinite."""
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def _welch_interval(scores: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return Welch's interval of mean(scores) - mean(reference); a point if all seeds agree."""
    if np.ptp(scores) == 0 and np.ptp(reference) == 0:
        gain = float(scores.mean() - reference.mean())
        return gain, gain
    bounds = ttest_ind(scores, reference, equal_var=False).confidence_interval(0.95)
    return float(bounds.low), float(bounds.high)
