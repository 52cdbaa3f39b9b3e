"""The classes of slices from a CSV file, for scans that have no mask."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from monai.data import MetaTensor
from torch import Tensor

from bundle.keys import IGNORED_LABEL
from bundle.volumes.problem import Problem

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


def slice_label_volume(path: str | Path, image: Tensor, num_classes: int | None = None) -> MetaTensor:
    r"""Read a CSV of slice labels for an image that still lies as in its file.

    The CSV counts slices along the file's third axis. As a volume with the image's affine the labels can be oriented
    with the image, so that a flipped slice axis flips them too, and an exchanged one shows in the shape.

    Args:
        path: CSV, see `read_slice_labels`.
        image: (C,X,Y,Z), straight from its file.
        num_classes: see `read_slice_labels`.

    Returns:
        (1,1,1,Z) int16 with the image's affine and `meta["filename_or_obj"]`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("slice_index,class\n1,1\n")
        ...     slice_label_volume(path, torch.zeros(3, 8, 8, 2)).flatten().tolist()
        [-1, 1]
    """
    labels = read_slice_labels(path, num_slices=image.shape[-1], num_classes=num_classes)
    affine = image.affine if isinstance(image, MetaTensor) else torch.eye(4, dtype=torch.float64)
    return MetaTensor(
        labels.to(torch.int16).reshape(1, 1, 1, -1), affine=affine.clone(), meta={"filename_or_obj": str(path)}
    )


_COLUMNS = ["slice_index", "class"]


def csv_problems(case: str, file: str, num_slices: int | None, num_classes: int = 1) -> Iterator[Problem]:
    """Yield what is wrong with a CSV of slice labels, with the line in question.

    Args:
        case: id of the case.
        file: CSV with the columns slice_index and class.
        num_slices: slices of the scan; None if the image could not be read.
        num_classes: classes, one meaning absent (0) or present (1).
    """
    with Path(file).open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream)
        if (reader.fieldnames or []) != _COLUMNS:
            remedy = "Name the columns so, in this order."
            yield Problem(case, file, "the header slice_index,class", f"{reader.fieldnames}", remedy)
            return
        seen: set[int] = set()
        for row in reader:
            yield from _row_problems(case, f"{file}, line {reader.line_num}", row, seen, (num_slices, num_classes))
        rows = reader.line_num - 1
    if not rows:
        yield Problem(
            case, file, "a class for some slices", "no rows", "Label slices or leave out the file.", "warning"
        )


def csv_positive(file: str) -> int:
    """Return how many slices a CSV without problems calls positive."""
    with Path(file).open(newline="", encoding="utf-8-sig") as stream:
        return sum(int(row["class"]) > 0 for row in csv.DictReader(stream))


def _row_problems(
    case: str, place: str, row: Mapping[str, str], seen: set[int], limits: tuple[int | None, int]
) -> Iterator[Problem]:
    try:
        index, label = int(row["slice_index"]), int(row["class"])
    except (TypeError, ValueError):
        yield Problem(case, place, "two whole numbers", f"{list(row.values())}", "Correct the line.")
        return
    num_slices, num_classes = limits
    if index < 0 or (num_slices is not None and index >= num_slices):
        expected = "a slice_index from 0" + (f" to {num_slices - 1}" if num_slices is not None else "")
        yield Problem(case, place, expected, f"{index}", "Count the slices of the file from 0.")
    if not 0 <= label <= max(num_classes - 1, 1):
        yield Problem(case, place, f"a class from 0 to {max(num_classes - 1, 1)}", f"{label}", "Correct the class.")
    if index in seen:
        yield Problem(case, place, "every slice once", f"slice {index} again", "Remove one of the lines.")
    seen.add(index)
