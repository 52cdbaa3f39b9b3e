"""What a CSV of slice labels must hold."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from bundle.data.problem import Problem

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
