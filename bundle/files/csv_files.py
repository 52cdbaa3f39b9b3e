"""Rows of names and numbers as a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bundle.files.atomic_file import write_atomically


def write_csv(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> Path:
    """Write rows under a header, numbers with all their digits, None and NaN as empty cells.

    Args:
        path: the file.
        rows: one mapping per line.
        columns: the header; by default every key, in the order they are first met.

    Raises:
        ValueError: a row has a key that is no column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(write_csv(Path(folder) / "a.csv", [{"slice": 0, "probability": 0.25}]).read_text())
        slice,probability
        0,0.25
        <BLANKLINE>
    """
    header = list(columns) or list(dict.fromkeys(key for row in rows for key in row))

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)

    return write_atomically(path, write)


def cell(value: Any) -> Any:
    """Return what the csv module writes well: plain Python numbers, nothing for None and NaN."""
    if isinstance(value, np.generic):
        value = value.item()
    return "" if value is None or value != value else value
