"""predictions.csv: what the classifier said about every slice."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle.files import read_json, write_csv
from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> Path:
    """Write one line per slice: case, slice, label (empty where unknown), probability, patient, site.

    With K classes `probability` is that of any class but background, and `probability_0` to `probability_<K-1>` follow.
    Where there are any, the position baseline (`position_only`), the map scores (`map_...`) and the centre prior's
    (`prior_...`) follow, so that runs can be pooled and paired slice by slice; a curve (n, T) must be cut before.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> a, zero, half = np.array(["a"]), np.array([0]), np.array([0.5])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(write_predictions(Path(folder) / "p.csv", Predictions(a, a, a, zero, zero, half)).read_text())
        case,slice,label,probability,patient,site
        a,0,0,0.5,a,a
        <BLANKLINE>
    """
    columns = {name: column for name, column in named_columns(predictions).items() if column is not None}
    rows = [{name: column[i] for name, column in columns.items()} for i in range(len(predictions))]
    return write_csv(path, rows, list(columns))


def named_columns(predictions: Predictions) -> dict[str, Any]:
    """Return header -> (n,) column, or None where there is none."""
    each = predictions.probability
    each = each[:, None] if each.ndim == 1 else each  # (n, K)
    classes = {f"probability_{k}": each[:, k] for k in range(each.shape[1])} if each.shape[1] > 1 else {}
    return {
        "case": predictions.case,
        "slice": predictions.slice_index,
        "label": [None if label == IGNORED_LABEL else int(label) for label in predictions.label],
        "probability": 1 - each[:, 0] if classes else each[:, 0],
        "patient": predictions.patient,
        "site": predictions.site,
        **classes,
        "position_only": predictions.position_only,
        **{f"map_{name}": column for name, column in predictions.map_scores.items()},
        **{f"prior_{name}": column for name, column in predictions.prior_map_scores.items()},
    }


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


@dataclass(frozen=True)
class FinishedRun:
    """Predictions and scores of one evaluated run.

    Args:
        predictions: of the test slices.
        metrics: content of `metrics.json`.

    Raises:
        FileNotFoundError: from `read`, if the run is not evaluated yet.

    Example:
        >>> FinishedRun.read("not/there")
        Traceback (most recent call last):
        FileNotFoundError: not/there expected metrics.json and predictions.csv of an evaluated run: run evaluate.json.
    """

    predictions: Predictions
    metrics: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> FinishedRun:
        """Return the run of a folder."""
        files = [Path(folder) / name for name in ("metrics.json", "predictions.csv")]
        if not all(file.exists() for file in files):
            raise FileNotFoundError(
                f"{folder} expected metrics.json and predictions.csv of an evaluated run: run evaluate.json."
            )
        return cls(read_predictions(files[1]), read_json(files[0]))

    @property
    def threshold(self) -> float:
        """The threshold that validation fixed."""
        return float(self.metrics["threshold"])

    def position_only(self) -> tuple[Predictions, float]:
        """Return what slice position alone says, as predictions, and its threshold."""
        if self.predictions.position_only is None:
            raise ValueError("the run expected a column position_only in predictions.csv: evaluate it again.")
        alone = replace(self.predictions, probability=self.predictions.position_only, map_scores={})
        return alone, float(self.metrics["baselines"]["position"]["threshold"])

    def centre_prior(self) -> Predictions:
        """Return predictions whose maps always point to the middle."""
        return replace(self.predictions, map_scores=self.predictions.prior_map_scores)
