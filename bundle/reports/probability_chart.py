"""Chart of the probability along the slices of a stack, as coordinates of an SVG drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.reports.tables import told_apart

_WIDTH, _HEIGHT = 720, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 708, 20, 142
_FEW = 40
"""Slices that are drawn as single points too."""
_TICKS = 8
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def runs_of(inside: ArrayLike) -> list[tuple[int, int]]:
    """Return first and last index of every run of true values.

    Args:
        inside: (D,) of the slices.

    Example:
        >>> runs_of([False, True, True, False, True])
        [(1, 2), (4, 4)]
    """
    edges = np.flatnonzero(np.diff(np.asarray(inside, dtype=np.int8), prepend=0, append=0))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


def probability_chart(
    probability: NDArray,
    threshold: float,
    positions: Sequence[float],
    of_position: NDArray | None = None,
    findings: Iterable[tuple[int, int, int]] = (),
) -> dict[str, Any]:
    """Return what the page draws of one class: from left to right the slices, from bottom to top 0 to 1.

    Args:
        probability: (D,) of the slices.
        threshold: from which a slice is positive.
        positions: (D,) in mm.
        of_position: (D,) probability that the position of a slice alone gives.
        findings: number, first and last slice of each.

    Example:
        >>> chart = probability_chart(np.array([0.0, 1.0]), 0.5, [10.0, 13.0])
        >>> chart["line"], chart["positive"], chart["threshold"]
        ('202.5,142.0 539.5,20.0', [(371.0, 337.0)], 81.0)
        >>> [(tick["number"], tick["mm"]) for tick in chart["ticks"]]
        [(1, '10'), (2, '13')]
    """
    count = len(probability)

    def across(slice_number: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * (slice_number + 0.5) / count, 1)

    def up(value: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * float(value), 1)

    def span(first: int, last: int) -> tuple[float, float]:
        return across(first - 0.5), round(across(last + 0.5) - across(first - 0.5), 1)

    def points(values: NDArray) -> list[tuple[float, float]]:
        return [(across(index), up(value)) for index, value in enumerate(values)]

    top = int(np.argmax(probability))
    return {
        "box": {"left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM, "width": _WIDTH, "height": _HEIGHT},
        "grid": [{"y": up(value), "text": f"{value:g}"} for value in (0, 0.5, 1)],
        "line": _joined(points(probability)),
        "points": points(probability) if count <= _FEW else [],
        "of_position": None if of_position is None else _joined(points(of_position)),
        "threshold": up(threshold),
        "threshold_text": told_apart(float(np.max(probability)), threshold)[1],
        "positive": [span(*run) for run in runs_of(probability >= threshold)],
        "findings": [{"number": number, "span": span(first, last)} for number, first, last in findings],
        "top": {"x": across(top), "y": up(probability[top]), "number": top + 1, "is_left": top < count / 2},
        "ticks": [{"x": across(n - 1), "number": n, "mm": f"{positions[n - 1]:.0f}"} for n in _tick_numbers(count)],
    }


def _joined(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


def _tick_numbers(count: int) -> list[int]:
    """Return the numbers of the slices, from 1, that are named under the axis."""
    step = next((step for step in _STEPS if count <= step * _TICKS), count)
    return [1, *range(step, count + 1, step)] if step > 1 else list(range(1, count + 1))
