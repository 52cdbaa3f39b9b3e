"""Curves of an experiment: scores against the share of masks, one line per method."""

from __future__ import annotations

import math
from collections.abc import Mapping

from numpy.typing import NDArray

from bundle.experiments.results_table import POSITION, SCORES, ResultsTable
from bundle.metrics import LOWER_IS_BETTER, Interval
from bundle.reports import Point, band_curves

_PANELS = ("auroc", "average_precision", "f1", "patients_missed_share", "map_pointing_game", "map_iou")
_X_LABEL = "training cases with a mask, percent"
_NONE = (math.nan, Interval(math.nan, math.nan, 0))


def mask_curves(results: ResultsTable, curves: Mapping[str, Mapping[str, float]]) -> NDArray:
    """Return the pooled scores of each method against its share of masks, with 95% intervals by patient as bands.

    Slice position alone is a level for comparison. A score that no row has gets no panel.

    Args:
        results: scores of the rows.
        curves: name of a method -> its rows -> percent of the training cases whose masks they use.

    Returns:
        (3, H, W) uint8.

    Source: figure 4 of the paper, which has one method.
    """
    lines = {**curves, POSITION: {POSITION: 0.0}}
    panels = {_title(score): _points(results, lines, score) for score in _PANELS}
    return band_curves({title: methods for title, methods in panels.items() if methods}, _X_LABEL)


def _title(score: str) -> str:
    """Return the name of a score, and which direction is better where that is not upwards."""
    return f"{SCORES[score]} (less is better)" if score in LOWER_IS_BETTER else SCORES[score]


def _points(results: ResultsTable, lines: Mapping[str, Mapping[str, float]], score: str) -> dict[str, list[Point]]:
    """Return method -> its points of a score; methods without the score are left out."""
    found: dict[str, list[Point]] = {}
    for method, shares in lines.items():
        for row, share in shares.items():
            value, interval = results.scored[row].get(score, _NONE)
            if not math.isnan(value):  # such as map scores of position, or AUROC where all slices are positive
                found.setdefault(method, []).append(Point(share, value, interval.low, interval.high))
    return found
