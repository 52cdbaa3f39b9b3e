"""The classes of slices from a CSV file, for scans that have no mask."""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from torch import Tensor

from bundle.keys import IGNORED_LABEL

_HEADER = ["slice_index", "class"]


def read_slice_labels(path: str | Path, num_slices: int, num_classes: int | None = None) -> Tensor:
    r"""Read `slice_index,class` lines; slices that the file does not name get -1.

    Args:
        path: CSV file with the header `slice_index,class`; indices count along the third axis of the volume's FILE.
        num_slices: number D of slices of the volume.
        num_classes: 1: classes 0 and 1; K > 1: classes 0..K-1; None: any class from 0 on.

    Returns:
        (D,) int64.

    Raises:
        FileNotFoundError: when the file is missing.
        ValueError: names file and line of a wrong header, a duplicate, a number out of range or no whole number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("slice_index,class\n0,1\n2,0\n")
        ...     read_slice_labels(path, num_slices=4, num_classes=1)
        tensor([ 1, -1,  0, -1])
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: expected a CSV of slice labels but no file lies there: correct the path.")
    with Path(path).open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        _require_header(next(rows, []), path=path)
        numbered = [(rows.line_num, row) for row in rows if row]
    labels: dict[int, int] = {}
    for line, row in numbered:
        index, label = _numbers(row, where=f"{path}, line {line}")
        _require_range(index, label, num_slices=num_slices, num_classes=num_classes, where=f"{path}, line {line}")
        if index in labels:
            raise ValueError(f"{path}, line {line}: expected each slice once but slice {index} came again: delete one.")
        labels[index] = label
    return torch.tensor([labels.get(index, IGNORED_LABEL) for index in range(num_slices)], dtype=torch.int64)


def _require_header(header: list[str], *, path: str | Path) -> None:
    if [name.strip() for name in header] != _HEADER:
        raise ValueError(
            f"{path}, line 1: expected the header {','.join(_HEADER)!r} but got {','.join(header)!r}: correct it."
        )


def _numbers(row: list[str], *, where: str) -> tuple[int, int]:
    try:
        index, label = (int(cell) for cell in row)
    except ValueError:
        raise ValueError(f"{where}: expected two whole numbers but got {','.join(row)!r}: correct the line.") from None
    return index, label


def _require_range(index: int, label: int, *, num_slices: int, num_classes: int | None, where: str) -> None:
    if not 0 <= index < num_slices:
        raise ValueError(
            f"{where}: expected a slice_index in 0..{num_slices - 1} but got {index}: count from 0 along the file's "
            "third axis."
        )
    highest = None if num_classes is None else max(num_classes - 1, 1)
    if label < 0 or (highest is not None and label > highest):
        choices = "0 or more" if highest is None else f"in 0..{highest}"
        raise ValueError(f"{where}: expected a class {choices} but got {label}: correct it, or leave the slice out.")
