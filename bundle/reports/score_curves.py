"""Scores against what was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray


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
