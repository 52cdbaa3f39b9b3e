"""A table in the forms that people paste and programs read."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """Cells of text under a header; the first column names the rows.

    Args:
        columns: the header.
        rows: each as long as the header.

    Raises:
        ValueError: a row of another length.

    Example:
        >>> print(Table(("model", "F1"), [("plain ViT", "0.78"), ("LGM-ViT", "0.86")]).text())
        model        F1
        plain ViT  0.78
        LGM-ViT    0.86
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"Table expected rows of {len(self.columns)} cells, got {len(row)}: {list(row)}.")

    def text(self) -> str:
        """Return plain text for a terminal: first column to the left, the others to the right."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join("  ".join(aligned(line, widths)).rstrip() for line in lines)

    def markdown(self) -> str:
        """Return a Markdown table."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [self.columns, rule, *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

    def csv(self) -> str:
        """Return CSV with a header."""
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([self.columns, *self.rows])
        return file.getvalue()


def aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the cells padded to their columns' widths."""
    return [
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


ABSENT = "n/a"


def score_text(values: float | Sequence[float], interval: Sequence[float] | None = None, digits: int = 3) -> str:
    """Return one score, or the mean and standard deviation of several runs, or a score with its interval.

    The standard deviation is that of a sample (n - 1). Runs without a value are left out and counted.

    Args:
        values: one score, or one per run.
        interval: low and high bound; more entries (an `Interval`'s draws) are not shown.
        digits: after the point.

    Example:
        >>> score_text([0.75, 0.85, 0.8]), score_text(0.8, (0.7, 0.9)), score_text(float("nan"))
        ('0.800 ± 0.050', '0.800 [0.700, 0.900]', 'n/a')
    """
    runs = list(values) if isinstance(values, Sequence) else [values]
    defined = [value for value in runs if value is not None and value == value]
    if not defined:
        return ABSENT
    text = f"{statistics.fmean(defined):.{digits}f}"
    if len(defined) > 1:
        text += f" ± {statistics.stdev(defined):.{digits}f}"
    if interval is not None and interval[0] is not None and interval[0] == interval[0]:
        text += f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"
    return text if len(defined) == len(runs) else f"{text} ({len(defined)} of {len(runs)} runs)"


@dataclass(frozen=True)
class ScoreRow:
    """A model or a baseline with its scores, one value per run (seed).

    Args:
        name: what the reader calls it.
        scores: name of the score -> one value per run; a score that does not apply is absent.
        note: a few words under the name.
        is_baseline: what every model must beat and has no network: slice position, centre prior.

    Example:
        >>> ScoreRow("LGM-ViT", {"f1": [0.75, 1.0]}).mean("f1")
        0.875
    """

    name: str
    scores: Mapping[str, Sequence[float]]
    note: str = ""
    is_baseline: bool = False

    def defined(self, score: str) -> list[float]:
        """Return the runs' values of a score that are numbers."""
        values = [value for value in self.scores.get(score, ()) if value is not None]
        return [float(value) for value in values if np.isfinite(value)]

    def mean(self, score: str) -> float:
        """Return the mean over the runs, NaN where no run has a value."""
        values = self.defined(score)
        return float(np.mean(values)) if values else float("nan")
