"""The files of a training run that packing reads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.evaluation import read_predictions
from bundle.files import read_json
from bundle.keys import IGNORED_LABEL
from bundle.probabilities import ScoreCalibration, fitted
from bundle.workflow.provenance import require_own_scores

_READ_OFF = (
    *("threshold", "volume_threshold", "slice_smoothing", "slice_position", "test_time_flip", "map_scale"),
    "finding_rule",
)


@dataclass(frozen=True)
class TrainedRun:
    """The files of a run that packing reads.

    Args:
        folder: of the run.
        config: `config.json`, the merged config that the run was started with, references unresolved.
        record: `run.json`, empty if there is none.
        metrics: `metrics.json`, empty if the run was not evaluated.

    Raises:
        ValueError: from `read`, if `config.json` or `model.pt` is missing, or the scores are those of another split.

    Example:
        >>> run = TrainedRun(Path("runs/lgm_vit"), {"threshold": "validation"}, metrics={"threshold": 0.3})
        >>> run.weights.name, run.threshold
        ('model.pt', 0.3)
    """

    folder: Path
    config: Mapping[str, Any]
    record: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> TrainedRun:
        """Return the run of a folder; warn of one that has not ended."""
        folder = Path(folder)
        missing = [name for name in ("config.json", "model.pt") if not (folder / name).is_file()]
        if missing:
            raise ValueError(
                f"{folder} must hold config.json and model.pt, got no {' and no '.join(missing)}: give the output_dir "
                "of a training by `python -m monai.bundle run`. In an unpacked bundle training writes model.pt into "
                "models/: copy it into the run's folder."
            )
        run = cls(folder, *(read_json(folder / name, {}) for name in ("config.json", "run.json", "metrics.json")))
        if run.record and "completed" not in run.record:
            warnings.warn(f"{folder}: the training has not ended, so model.pt is of an early epoch.", stacklevel=2)
        trained, evaluated = (content.get("split_hash") for content in (run.record, run.metrics))
        if trained and evaluated and trained != evaluated:
            raise ValueError(
                f"{folder}/metrics.json must hold scores of split {trained[:12]}, which run.json names, got "
                f"{evaluated[:12]}: evaluate the run again."
            )
        return run

    def require_own_scores(self) -> None:
        """Refuse scores, and with them thresholds, that were found with other weights or for another hospital.

        Raises:
            ValueError: metrics.json names the hash of another file, or a calibration.
        """
        require_own_scores(self.folder, self.metrics)
        if self.metrics.get("score_calibration"):
            raise ValueError(
                f"{self.folder}/metrics.json must hold scores of the run as it is, got those with a score_calibration: "
                "evaluate without it, and give its file to scripts/pack_bundle.py by --overlay."
            )

    @property
    def weights(self) -> Path:
        """The state dict of the best epoch."""
        return self.folder / "model.pt"

    @property
    def threshold(self) -> float | None:
        """Probability from which a slice counts as positive: from the evaluation, else fixed before, else None."""
        fixed = self.config.get("threshold")
        chosen = self.metrics.get("threshold", None if isinstance(fixed, str) else fixed)
        return None if chosen is None else float(chosen)

    @property
    def volume_threshold(self) -> float | None:
        """The same for the highest probability of a volume's slices; None where that of the slices serves both."""
        chosen = self.metrics.get("volume", {}).get("max", {}).get("threshold")
        return None if chosen is None else float(chosen)

    @property
    def slice_smoothing(self) -> float | None:
        """Smoothing along the slices that the thresholds belong to; None where it is none or not known."""
        fixed = self.config.get("slice_smoothing")
        chosen = self.metrics.get("slice_smoothing", None if isinstance(fixed, str) else fixed)
        return None if chosen is None else float(chosen)

    @property
    def slice_position(self) -> dict[str, Any] | None:
        """Entries of what the position in the scan adds to a logit; None where it adds nothing.

        Raises:
            ValueError: the run counts the position, and its evaluation has not yet fitted it.
        """
        if "slice_position" not in self.metrics and self.config.get("slice_position"):
            raise ValueError(
                f"{self.folder} must hold metrics.json, whose slice_position the evaluation fits to the training "
                "slices, got none: evaluate the run first."
            )
        return self.metrics.get("slice_position")

    @property
    def test_time_flip(self) -> bool | None:
        """True where the scores are means over both views of a slice; None where the run was not evaluated."""
        return self.metrics.get("test_time_flip")

    @property
    def ensemble(self) -> list[Path]:
        """Further weights that the scores are means over."""
        return [Path(member["file"]) for member in self.metrics.get("ensemble", ())]

    @property
    def finding_rule(self) -> dict[str, Any] | None:
        """Rule of findings, chosen on validation patients; None where they were not scored."""
        rule: dict[str, Any] | None = self.metrics.get("findings", {}).get("rule")
        return rule

    @property
    def input_profile(self) -> dict[str, Any] | None:
        """Profile of the training scans, with what the position of a slice alone tells; None where it is not known."""
        profile: dict[str, Any] | None = self.metrics.get("input_profile")
        parabola = self.metrics.get("baselines", {}).get("position", {}).get("parabola")
        return profile and {
            **profile,
            "position_parabola": parabola,
            "label_calibration": self.label_calibration,
            **{name: self.metrics.get(name) for name in ("threshold", "threshold_from")},
        }

    @property
    def label_calibration(self) -> dict[str, Any] | None:
        """Calibration of the probabilities, fitted to validation slices; None of several classes, or without labels."""
        file = self.folder / "validation_predictions.csv"
        if self.metrics.get("score_calibration") or not file.is_file():
            return None
        validation = read_predictions(file)
        if validation.probability.ndim > 1 or not (validation.label != IGNORED_LABEL).any():
            return None
        return fitted(validation, ScoreCalibration()).entries()

    @property
    def read_off(self) -> dict[str, Any]:
        """Knob of inference -> value that the scores belong to; None keeps the default."""
        return {name: getattr(self, name) for name in _READ_OFF}

    @property
    def map_scale(self) -> list[float] | None:
        """Color scale of the maps, chosen on validation slices; None where it is not known."""
        return self.metrics.get("map_scale")
