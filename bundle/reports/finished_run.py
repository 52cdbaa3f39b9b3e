"""What a finished run left, read back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bundle.metrics import Predictions
from bundle.read_json import read_json
from bundle.reports.read_predictions import read_predictions


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
