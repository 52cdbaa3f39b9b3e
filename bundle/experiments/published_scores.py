"""Scores that a paper printed, to stand beside our own."""

from __future__ import annotations

import csv
from pathlib import Path


def published_scores(path: str | Path, dataset: str) -> dict[str, dict[str, str]]:
    r"""Return row -> score -> mean and standard deviation, as fractions like our own.

    Args:
        path: CSV with the columns dataset, row and one per score, whose cells are percentages like 89.5±0.13.
        dataset: whose lines are wanted.

    Raises:
        ValueError: no line of this data set.

    Source: Tables 1 and 2 of the paper, for `configs/experiments/published.csv`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "published.csv"
        ...     _ = file.write_text("dataset,row,f1\nLiTS17,lgmvit,88.8±0.57\n", encoding="utf-8")
        ...     published_scores(file, "LiTS17")
        {'lgmvit': {'f1': '0.888 ± 0.006'}}
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    scores = {line.pop("row"): line for line in lines if line.pop("dataset") == dataset}
    if not scores:
        raise ValueError(f"{path}: data set must be one of its column `dataset`, got {dataset!r}.")
    return {row: {score: _fractions(cell) for score, cell in line.items()} for row, line in scores.items()}


def _fractions(cell: str) -> str:
    """Return a mean and deviation in percent, "89.5±0.13", as fractions."""
    mean, deviation = (float(part) / 100 for part in cell.split("±"))
    return f"{mean:.3f} ± {deviation:.3f}"
