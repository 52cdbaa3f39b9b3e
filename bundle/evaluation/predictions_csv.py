"""predictions.csv, a row per slice, written and read; predictions and scores of an evaluated run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bundle.files import read_csv, read_json, write_csv
from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions, VolumeTable, foreground_probability, slice_scores

_TEXT = ("case", "patient", "site")
_REQUIRED = ("case", "slice", "label", "probability", "patient", "site")


def write_predictions(path: str | os.PathLike[str], predictions: Predictions) -> Path:
    """Write one row per slice: case, slice, label (empty if unknown), probability, patient, site.

    With K classes `probability` is that of any class but background, and `probability_0` to `probability_<K-1>` follow.
    Then follow, if present, the position baseline (`position_only`), the map scores (`map_...`) and those of the center
    prior (`prior_...`), so that runs can be pooled and paired slice by slice. IoU curves (n, T) must be reduced to one
    threshold before, see `Predictions.with_iou_at`.

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
    several = predictions.probability.ndim == 2 and predictions.probability.shape[1] > 1
    columns = {
        "case": predictions.case,
        "slice": predictions.slice_index,
        "label": pd.Series(predictions.label, dtype="Int64").mask(predictions.label == IGNORED_LABEL),
        "probability": foreground_probability(predictions.probability),
        "patient": predictions.patient,
        "site": predictions.site,
        **({f"probability_{k}": column for k, column in enumerate(predictions.probability.T)} if several else {}),
        **({} if predictions.position_only is None else {"position_only": predictions.position_only}),
        **{f"map_{name}": column for name, column in predictions.map_scores.items()},
        **{f"prior_{name}": column for name, column in predictions.prior_map_scores.items()},
    }
    return write_csv(path, pd.DataFrame(columns))


def read_predictions(path: str | os.PathLike[str]) -> Predictions:
    r"""Return the predictions of a file by `write_predictions`, with map scores if the file has them.

    Raises:
        ValueError: a column is missing or a cell is no number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "predictions.csv"
        ...     _ = file.write_text("case,slice,label,probability,patient,site\na,3,,0.5,p,s\n")
        ...     read_predictions(file).label
        array([-1])
    """
    table = read_csv(path, text=_TEXT)
    missing = [name for name in _REQUIRED if name not in table]
    if missing:
        raise ValueError(
            f"{path}: the columns must hold {list(_REQUIRED)}, got {list(table)}, {missing} are missing: "
            "run evaluate.json again."
        )
    classes = table.filter(regex="^probability_")
    return Predictions(
        **{name: table[name].to_numpy(dtype=str) for name in _TEXT},
        slice_index=table["slice"].to_numpy(dtype=np.int64),
        label=table["label"].fillna(IGNORED_LABEL).to_numpy(dtype=np.int64),
        probability=_floats(table["probability"] if classes.empty else classes),
        map_scores=_with_prefix(table, "map_"),
        prior_map_scores=_with_prefix(table, "prior_"),
        position_only=_with_prefix(table, "position_").get("only"),
    )


def _with_prefix(table: pd.DataFrame, prefix: str) -> dict[str, NDArray]:
    """Return name without prefix -> (n,)."""
    return {name.removeprefix(prefix): _floats(table[name]) for name in table if name.startswith(prefix)}


def _floats(numbers: pd.Series | pd.DataFrame) -> NDArray:
    """Return float64 with NaN for empty cells."""
    return numbers.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)


@dataclass(frozen=True)
class FinishedRun:
    """Predictions and scores of one evaluated run.

    `read` computes the scores that an older evaluation did not write from its predictions, at its own thresholds;
    those that it wrote stay as they are.

    Args:
        predictions: of the test slices.
        metrics: content of `metrics.json`.

    Raises:
        FileNotFoundError: from `read`, if the run is not evaluated yet.

    Example:
        >>> FinishedRun.read("not/there")
        Traceback (most recent call last):
        FileNotFoundError: not/there: metrics.json and predictions.csv must be there, got []: run evaluate.json.
    """

    predictions: Predictions
    metrics: dict[str, Any]

    @classmethod
    def read(cls, folder: str | Path) -> FinishedRun:
        """Return the run of a folder."""
        files = [Path(folder) / name for name in ("metrics.json", "predictions.csv")]
        present = [file.name for file in files if file.exists()]
        if len(present) < len(files):
            raise FileNotFoundError(
                f"{folder}: metrics.json and predictions.csv must be there, got {present}: run evaluate.json."
            )
        predictions = read_predictions(files[1])
        return cls(predictions, _with_newer_scores(read_json(files[0]), predictions))

    @property
    def threshold(self) -> float:
        """The slice threshold chosen on validation data."""
        return float(self.metrics["threshold"])

    def position_only(self) -> tuple[Predictions, float]:
        """Return the position baseline as predictions, and its threshold."""
        if self.predictions.position_only is None:
            raise ValueError("predictions.csv must have the column position_only, got none: evaluate the run again.")
        position_only = replace(self.predictions, probability=self.predictions.position_only, map_scores={})
        return position_only, float(self.metrics["baselines"]["position"]["threshold"])

    def volumes(self, kind: str = "top_k_mean") -> tuple[Predictions, float]:
        """Return one row per volume, and the threshold of this kind of volume probability (the slices' if unknown)."""
        of = self.predictions.sorted_unique()
        table = VolumeTable.from_slices(of.case, of.label, of.probability)
        volumes = replace(
            of.select(table.first),
            label=np.asarray(table.label),
            probability=np.asarray(table.probability[kind]),
            map_scores={},
            prior_map_scores={},
            position_only=None,
        )
        known = self.metrics.get("volume", {}).get(kind, {})
        return volumes, float(known.get("threshold", self.threshold))

    def center_prior(self) -> Predictions:
        """Return the predictions with the maps of the center prior."""
        return replace(self.predictions, map_scores=self.predictions.prior_map_scores)


def _with_newer_scores(metrics: dict[str, Any], test: Predictions) -> dict[str, Any]:
    """Return the content of metrics.json, with the slice scores that its version did not know."""
    thresholds = {"slice": metrics["threshold"], "slice_at_0.5": 0.5}
    newer = {
        group: slice_scores(test.label, test.probability, threshold, test.patient) | metrics.get(group, {})
        for group, threshold in thresholds.items()
    }
    return {**metrics, **newer}
