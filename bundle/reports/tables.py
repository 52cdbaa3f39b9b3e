"""A table in the forms that people paste and programs read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


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
