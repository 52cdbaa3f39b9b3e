"""predictions.csv, read back."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    r"""Return what `write_predictions` wrote, with map scores where the file has them.

    Raises:
        ValueError: a column is missing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "predictions.csv"
        ...     _ = file.write_text("case,slice,label,probability,patient,site\na,3,,0.5,p,s\n")
        ...     read_predictions(file).label
        array([-1])
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        header, rows = list(reader.fieldnames or []), list(reader)
    missing = [name for name in ("case", "slice", "label", "probability", "patient", "site") if name not in header]
    if missing:
        raise ValueError(f"{path}: expected the columns of predictions.csv, {missing} are missing among {header}.")
    classes = [name for name in header if name.startswith("probability_")]
    probability = np.array([[float(row[name]) for name in classes or ["probability"]] for row in rows])
    return Predictions(
        case=np.array([row["case"] for row in rows]),
        patient=np.array([row["patient"] for row in rows]),
        site=np.array([row["site"] for row in rows]),
        slice_index=np.array([int(row["slice"]) for row in rows], dtype=np.int64),
        label=np.array([int(row["label"] or IGNORED_LABEL) for row in rows], dtype=np.int64),
        probability=probability if classes else probability.reshape(-1),
        map_scores=numbers(rows, header, "map_"),
        prior_map_scores=numbers(rows, header, "prior_"),
        position_only=numbers(rows, header, "position_").get("only"),
    )


def numbers(rows: Sequence[Mapping[str, str]], header: Sequence[str], prefix: str) -> dict[str, NDArray]:
    """Return name without prefix -> (n,), NaN where a cell is empty."""
    return {
        name.removeprefix(prefix): np.array([float(row[name] or "nan") for row in rows])
        for name in header
        if name.startswith(prefix)
    }
