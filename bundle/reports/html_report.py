"""HTML page of a result, self-contained in a single file."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray
from PIL import Image

from bundle.reports.overlay import overlay_panel
from bundle.reports.tables import ScoreRow, Table, score_text


def data_url(picture: NDArray) -> str:
    """Return a picture as a PNG data URL.

    Args:
        picture: (H, W, 3) uint8.
    """
    file = io.BytesIO()
    # level 2 takes a third of the default's time; files of smooth images become a tenth larger, noisy ones smaller
    Image.fromarray(picture).save(file, format="PNG", compress_level=2)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def page_template(name: str) -> Template:
    """Return a template of this folder.

    Args:
        name: of its file.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names come from file names, data lists and headers
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


@dataclass(frozen=True)
class PictureRow:
    """Pictures of one slice, in the order of the report's picture columns.

    Args:
        caption: case, slice and prediction.
        pictures: (H, W, 3) uint8 each, as `draw_overlay` makes them.

    Example:
        >>> import numpy as np
        >>> PictureRow("case 7, slice 40", [np.zeros((2, 2, 3), np.uint8)]).data_urls()[0][:22]
        'data:image/png;base64,'
    """

    caption: str
    pictures: Sequence[NDArray]

    def data_urls(self) -> list[str]:
        """Return the pictures as PNG data URLs, so that the page needs no other file."""
        return [data_url(picture) for picture in self.pictures]


@dataclass(frozen=True)
class HtmlReport:
    """A page with a verdict, the scores beside their baselines, overlays, settings and the commands that made it.

    Args:
        title: of the page.
        verdict: one sentence computed from the numbers, see `seed_comparison_sentence`.
        score_names: key of a score -> its column's title, in the order of the columns.
        rows: models and baselines.
        introduction: a summary in a sentence or two.
        notes: facts needed to read the scores: the data, the choice of thresholds, the meaning of the spread.
        picture_columns: titles over the pictures.
        pictures: a row per slice.
        settings: name -> value.
        how_made: commands, a line each.
        plot_score: the score of the dot plot; the first one by default.

    Example:
        >>> report = HtmlReport("Demo", "No gain.", {"f1": "F1"}, [ScoreRow("plain ViT", {"f1": [0.7, 0.8]})])
        >>> print(report.table().text())
                              F1
        plain ViT  0.750 ± 0.071
        >>> "<title>Demo</title>" in report.render()
        True
    """

    title: str
    verdict: str
    score_names: Mapping[str, str]
    rows: Sequence[ScoreRow]
    introduction: str = ""
    notes: Sequence[str] = ()
    picture_columns: Sequence[str] = ()
    pictures: Sequence[PictureRow] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    how_made: Sequence[str] = ()
    plot_score: str = ""

    def table(self) -> Table:
        """Return the scores as text: mean ± standard deviation over the runs."""
        cells = [
            [row.name, *(score_text(list(row.scores.get(key, ()))) for key in self.score_names)] for row in self.rows
        ]
        return Table(("", *self.score_names.values()), cells)

    def panel(self) -> NDArray:
        """Return all pictures as a single panel, (3, H, W) uint8, a slice per column."""
        models = list(zip(*(row.pictures for row in self.pictures), strict=True))
        return overlay_panel(models, row_titles=self.picture_columns)

    def render(self) -> str:
        """Return the page."""
        score = self.plot_score or next(iter(self.score_names))
        return page_template("page.html").render(
            report=self, table=self.table(), plot=_dot_plot(self.rows, score), plot_title=self.score_names[score]
        )


def _dot_plot(rows: Sequence[ScoreRow], score: str) -> dict[str, Any]:
    """Return a line of dots for each row with the score, in percent of their common axis."""
    shown = [row for row in rows if row.defined(score)]
    values = [value for row in shown for value in row.defined(score)]
    low, high = _axis_range(values)

    def percent(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    step = 0.1 if high - low > 0.25 else 0.05
    ticks = [low + i * step for i in range(round((high - low) / step) + 1)]
    return {
        "rows": [
            {"row": row, "dots": [percent(value) for value in row.defined(score)], "mean": percent(row.mean(score))}
            for row in shown
        ],
        "ticks": [{"at": percent(tick), "text": f"{tick:.2f}"} for tick in ticks],
    }


def _axis_range(values: Sequence[float]) -> tuple[float, float]:
    """Return the whole tenths that enclose the values."""
    if not values:
        return 0.0, 1.0
    low, high = math.floor(10 * min(values)) / 10, math.ceil(10 * max(values)) / 10
    return low, high if high > low else low + 0.1
