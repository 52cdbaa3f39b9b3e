"""Curves of a training, and scores over seeds: plotted against the varied setting, and compared in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
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
    return figure_pixels(figure)


_PANELS = {
    "classification loss": {"classification_loss": "training", "validation_loss": "validation"},
    "segmentation loss": {"segmentation_loss": "training"},
    "localization loss": {"localization_loss": "training"},
    "validation score": {"f1": "F1", "auroc": "AUROC", "average_precision": "average precision"},
}
"""Title -> column of the history -> name of the curve. Without a localization loss `loss` is that of the classes."""


def training_curves(history: Sequence[Mapping[str, float]], best_epoch: int | None = None) -> NDArray:
    """Return losses and validation scores over the epochs, side by side.

    Args:
        history: column -> number for each epoch, with `epoch`; columns may be absent, of some epochs or of all.
        best_epoch: marked by a line; None or a number below 1 for none.

    Returns:
        (3, H, W) uint8.

    Example:
        >>> training_curves([{"epoch": 1, "loss": 0.7, "f1": 0.2}, {"epoch": 2, "loss": 0.6}], best_epoch=1).shape
        (3, 360, 840)
    """
    rows = [({"classification_loss": row["loss"]} if "loss" in row else {}) | dict(row) for row in history]
    known = set().union(*rows)
    panels = {title: names for title, names in _PANELS.items() if known & names.keys()} or {"no epoch yet": {}}
    figure = Figure(figsize=(4.2 * len(panels), 3.6), dpi=100, layout="constrained")
    for axes, (title, names) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for column, name in names.items():
            points = [(row["epoch"], row[column]) for row in rows if column in row]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
        if best_epoch is not None and best_epoch > 0:
            axes.axvline(best_epoch, color="gray", linestyle="--", label="best epoch")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize="small")
    return figure_pixels(figure)


def figure_pixels(figure: Figure) -> NDArray:
    """Return the figure as (3, H, W) uint8."""
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
