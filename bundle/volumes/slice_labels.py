"""Slice labels in a CSV file, for scans that have no mask."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.keys import IGNORED_LABEL
from bundle.volumes.problem import Problem, raise_first

if TYPE_CHECKING:
    from monai.data import MetaTensor
    from torch import Tensor

_HEADER = ["slice_index", "class"]


def read_slice_labels(path: str | Path, num_slices: int, num_classes: int | None = None) -> Tensor:
    r"""Read `slice_index,class` lines; slices that the file does not name get -1.

    Empty cells at the end of a line and whatever follows a # are left out, spreadsheets and people write them.

    Args:
        path: CSV file with the header `slice_index,class`; indices count along the third axis of the volume's FILE, and
            in a DICOM series by position along the normal of its slices (for axial ones from the feet).
        num_slices: number D of slices of the volume.
        num_classes: 1: classes 0 and 1; K > 1: classes 0..K-1; None: any class from 0 on.

    Returns:
        (D,) int64.

    Raises:
        FileNotFoundError: the file is missing.
        ValueError: names file and line of a wrong header, a duplicate, a number out of range or no whole number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("slice_index,class\n0,1\n2,0\n")
        ...     read_slice_labels(path, num_slices=4, num_classes=1)
        tensor([ 1, -1,  0, -1])
    """
    import torch  # see read_volume

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} must be a CSV of slice labels, got no such file: correct the path.")
    raise_first(label_problems(path, num_slices, num_classes))
    labels = dict(_numbered(path=path))
    return torch.tensor([labels.get(index, IGNORED_LABEL) for index in range(num_slices)], dtype=torch.int64)


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
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "labels.csv"
        ...     _ = path.write_text("slice_index,class\n1,1\n")
        ...     slice_label_volume(path, torch.zeros(3, 8, 8, 2)).flatten().tolist()
        [-1, 1]
    """
    import torch
    from monai.data import MetaTensor

    labels = read_slice_labels(path, num_slices=image.shape[-1], num_classes=num_classes)
    affine = image.affine if isinstance(image, MetaTensor) else torch.eye(4, dtype=torch.float64)
    voxels = labels.to(torch.int16).reshape(1, 1, 1, -1)
    return MetaTensor(voxels, affine=affine.clone(), meta={"filename_or_obj": str(path)})


def label_problems(
    path: str | Path, num_slices: int | None = None, num_classes: int | None = None
) -> Iterator[Problem]:
    """Yield what is wrong with a CSV of slice labels, with the line in question.

    Args:
        path: CSV file that exists.
        num_slices: slices of the scan; None if the image could not be read.
        num_classes: see `read_slice_labels`.
    """
    try:
        header, rows = _read(path=path)
    except (UnicodeDecodeError, csv.Error) as error:
        yield Problem(str(path), "be a CSV in UTF-8", f"{error}", "save it again as CSV, UTF-8")
        return
    if header != _HEADER:
        expected = f"have the header {','.join(_HEADER)!r}"
        yield Problem(f"{path}, line 1,", expected, repr(",".join(header)), "name the columns so, in this order")
        return
    seen: set[int] = set()
    for line, cells in rows:
        yield from _row_problems(f"{path}, line {line},", cells, seen, num_slices, num_classes)
    if not rows:
        remedy = "label slices, or leave out the file"
        yield Problem(str(path), "give some slices a class", "no rows", remedy, "warning")


def count_positive(path: str | os.PathLike[str]) -> int:
    """Return how many slices a CSV without problems calls positive."""
    return sum(label > 0 for _, label in _numbered(path=path))


def _read(*, path: str | os.PathLike[str]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header, and number and cells of each further line that is not empty."""
    with Path(path).open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        lines = [(rows.line_num, cells) for row in rows if (cells := _cells(row))]
    return (lines[0][1], lines[1:]) if lines else ([], [])


def _cells(row: Sequence[str]) -> list[str]:
    """Cells without remark, spaces and the empty ones at the end."""
    cells = [cell.strip() for cell in ",".join(row).partition("#")[0].split(",")]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _numbered(*, path: str | os.PathLike[str]) -> list[tuple[int, int]]:
    """Slice index and class of each line of a file without problems."""
    return [(int(index), int(label)) for _, (index, label) in _read(path=path)[1]]


def _row_problems(
    where: str, cells: Sequence[str], seen: set[int], num_slices: int | None, num_classes: int | None
) -> Iterator[Problem]:
    try:
        index, label = map(int, cells)
    except ValueError:
        yield Problem(where, "hold two whole numbers", repr(",".join(cells)), "correct the line")
        return
    if index < 0 or (num_slices is not None and index >= num_slices):
        expected = "have a slice_index from 0" + (f" to {num_slices - 1}" if num_slices is not None else "")
        yield Problem(where, expected, f"{index}", "count from 0 along the file's third axis")
    highest = None if num_classes is None else max(num_classes - 1, 1)
    if label < 0 or (highest is not None and label > highest):
        expected = "have a class from 0" + (f" to {highest}" if highest is not None else "")
        yield Problem(where, expected, f"{label}", "correct it, or leave the slice out")
    if index in seen:
        yield Problem(where, "name each slice once", f"slice {index} again", "remove one of the lines")
    seen.add(index)
