"""Curves of several methods, a panel per score, with intervals as bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bundle.reports.curves import figure_pixels


class Point(NamedTuple):
    """A score with its interval at one place of the horizontal axis.

    Example:
        >>> Point(x=33, value=0.8, low=0.7, high=0.9).value
        0.8
    """

    x: float
    value: float
    low: float
    high: float


_LINES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colors of Okabe and Ito, which color-blind readers tell apart."""


def band_curves(
    panels: Mapping[str, Mapping[str, Sequence[Point]]], x_label: str, log_base: float | None = None
) -> NDArray:
    """Return a panel per score with a line per method, and the intervals as a band around it.

    A method with one point is a dashed level over the whole width; its interval is an error bar left of the lines.

    Args:
        panels: name of a score -> name of a method -> its points, in any order.
        x_label: title of the horizontal axes.
        log_base: makes the horizontal axes logarithmic; None leaves them linear.

    Returns:
        (3, H, W) uint8.

    Raises:
        ValueError: there is no point.

    Example:
        >>> line = [Point(0, 0.7, 0.6, 0.8), Point(100, 0.8, 0.7, 0.9)]
        >>> band_curves({"AUROC": {"LGM-ViT": line}}, "percent of masks").shape
        (3, 360, 420)
    """
    ticks = sorted({point.x for methods in panels.values() for points in methods.values() for point in points})
    if not ticks:
        raise ValueError("panels must hold at least one point, got none: name the rows of each method.")
    margin = (max(ticks) - min(ticks) or 1) / 25  # between the error bars of two levels
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 3.2 * rows + 0.4), dpi=100, layout="constrained")
    names = list(dict.fromkeys(name for methods in panels.values() for name in methods))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (title, methods) in zip(grid, panels.items(), strict=False):
        left = min(ticks)
        for name, points in methods.items():
            left -= margin if len(points) == 1 else 0
            _draw_band(axes, sorted(points), left, label=name, color=_LINES[names.index(name) % len(_LINES)])
        if log_base is not None:
            axes.set_xscale("log", base=log_base)
            axes.xaxis.set_major_formatter("{x:g}")
        axes.set(title=title, xticks=ticks)
        axes.grid(alpha=0.3)
    for axes in grid[len(panels) :]:
        axes.axis("off")
    figure.supxlabel(x_label, fontsize="medium")
    handles = {name: line for axes in grid for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
    return figure_pixels(figure)


def _draw_band(axes: Axes, points: Sequence[Point], left: float, **style: Any) -> None:
    """Draw one method's line and band, or its level with an error bar at `left`."""
    x, value, low, high = zip(*points, strict=True)
    if len(points) > 1:
        axes.plot(x, value, marker="o", markersize=4, **style)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.15, linewidth=0)
        return
    axes.axhline(value[0], linestyle="--", linewidth=1.2, **style)
    axes.errorbar(left, value, yerr=[[value[0] - low[0]], [high[0] - value[0]]], color=style["color"], capsize=3)
