"""Tables of scores as plain text, Markdown and CSV."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Table:
    """Cells of text under a header; the first column names the rows.

    Args:
        columns: the header.
        rows: each as long as the header.

    Raises:
        ValueError: a row is longer or shorter than the header.

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
                raise ValueError(
                    f"rows must have {len(self.columns)} cells, got {len(row)} in {list(row)}: fill with ABSENT."
                )

    def text(self) -> str:
        """Return plain text for a terminal, the first column aligned left, the others right."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        first, *others = widths
        return "\n".join(
            "  ".join([line[0].ljust(first), *map(str.rjust, line[1:], others)]).rstrip() for line in lines
        )

    def markdown(self) -> str:
        """Return a Markdown table."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [self.columns, rule, *self.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

    def csv(self) -> str:
        """Return CSV with a header."""
        return pd.DataFrame(self.rows, columns=self.columns).to_csv(index=False, lineterminator="\n")


ABSENT = "n/a"


def score_text(values: float | Sequence[float], interval: Sequence[float] | None = None, digits: int = 3) -> str:
    """Return a score with its interval, or the mean and standard deviation of several runs, as text.

    The standard deviation is that of a sample (n - 1). Runs without a value are left out and counted.

    Args:
        values: a score, or a list with a score per run.
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


def told_apart(value: float, threshold: float) -> tuple[str, str]:
    """Return a probability and its threshold as text, with as many decimals as show which is higher, at least two.

    Example:
        >>> told_apart(0.25, 0.5), told_apart(0.4969, 0.5), told_apart(0.5, 0.004)
        (('0.25', '0.50'), ('0.497', '0.500'), ('0.500', '0.004'))
    """
    for decimals in range(2, 7):
        texts = f"{value:.{decimals}f}", f"{threshold:.{decimals}f}"
        is_end = float(texts[1]) in (0, 1) and threshold not in (0, 1)
        if (texts[0] != texts[1] or value == threshold) and not is_end:
            return texts
    return f"{value:.2f}", f"{threshold:.2f}"


def capped(entries: Iterable[object], count: int) -> str:
    """Return the first entries, and how many more there are.

    Args:
        entries: to name.
        count: at most so many.

    Example:
        >>> capped("abcde", 2), capped("ab", 2)
        ('a, b and 3 more', 'a, b')
    """
    texts = [str(entry) for entry in entries]
    more = f" and {len(texts) - count} more" if len(texts) > count else ""
    return ", ".join(texts[:count]) + more


@dataclass(frozen=True)
class ScoreRow:
    """A model or a baseline with its scores, a value per run (seed).

    Args:
        name: title of the row.
        scores: name of the score -> a value per run; a score that does not apply is absent.
        note: a few words under the name.
        is_baseline: a baseline without a network: slice position, center prior.

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
        """Return the mean over the runs, NaN if no run has a value."""
        values = self.defined(score)
        return float(np.mean(values)) if values else float("nan")
