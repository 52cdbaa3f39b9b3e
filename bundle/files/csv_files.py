"""Tables as CSV files: every digit of a number, text exactly as it stands."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bundle.files.atomic_file import write_atomically


def write_csv(
    path: str | os.PathLike[str], rows: pd.DataFrame | Sequence[Mapping[str, Any]], columns: Sequence[str] = ()
) -> Path:
    """Write a table under a header, numbers with all their digits, None and NaN as empty cells.

    Args:
        path: the file, written by rename.
        rows: a data frame, or one mapping per line.
        columns: the header for mappings; by default every key, in order of first appearance.

    Raises:
        ValueError: a mapping has a key that is no column.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(write_csv(Path(folder) / "a.csv", [{"slice": 0, "probability": 0.25}]).read_text())
        slice,probability
        0,0.25
        <BLANKLINE>
    """
    # Objects, because pandas would turn integers beside an empty cell into floats and shorten float32.
    table = rows.astype(object) if isinstance(rows, pd.DataFrame) else _as_objects(rows, columns, path=path)
    return write_atomically(path, lambda part: table.to_csv(part, index=False, lineterminator="\n", encoding="utf-8"))


def read_csv(path: str | os.PathLike[str], text: Collection[str] | None = None) -> pd.DataFrame:
    """Return a CSV file as a data frame, the inverse of `write_csv`.

    Args:
        path: the file, UTF-8.
        text: columns of text, unchanged: a patient "007" or "NA" keeps its name and an empty cell is "". Every other
            column is numbers: `Int64` where all are whole, with NA for an empty cell, else `float64` with NaN. None
            makes every column text.

    Raises:
        ValueError: the file has no header, or a cell in a column of numbers is none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = write_csv(Path(folder) / "a.csv", [{"case": "007", "label": 1}, {"case": "NA", "label": None}])
        ...     read_csv(file, text=["case"])
          case  label
        0  007      1
        1   NA   <NA>
    """
    try:
        table = pd.read_csv(path, dtype=str, na_filter=False, index_col=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path}: the first line must be a header, got an empty file: write it again.") from None
    numbers = [name for name in table.columns if text is not None and name not in text]
    return table.assign(**{name: _numbers(table[name], path=path) for name in numbers})


def _as_objects(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, path: object) -> pd.DataFrame:
    header = list(columns) or list(dict.fromkeys(key for row in rows for key in row))
    unknown = sorted({key for row in rows for key in row} - set(header))
    if unknown:
        raise ValueError(f"{path}: keys of the rows must be among {header}, got {unknown}: add these columns.")
    plain = [
        {key: value.item() if isinstance(value, np.generic) else value for key, value in row.items()} for row in rows
    ]
    return pd.DataFrame(plain, columns=header, dtype=object)


def _numbers(cells: pd.Series, *, path: object) -> pd.Series:
    filled = cells[cells != ""]
    whole = filled.str.fullmatch(r"-?\d+").all()
    try:  # Python's own conversion is exact in the last bit
        values = filled.map(int).astype("Int64") if whole else filled.map(float).astype("float64")
    except ValueError as error:
        raise ValueError(f"{path}: the column {cells.name} must hold numbers, got {error}: correct the cell.") from None
    return values.reindex(cells.index)
