"""Files of a new version: weights of a training with the thresholds, metadata and profile that belong to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from bundle.consumers.label.model_versions import model_in_use, versions
from bundle.detection import MODEL, choose_rules, scored_volumes
from bundle.files import read_json, write_json
from bundle.packing import TrainedRun, packed_metadata, require_fit, with_one_rule
from bundle.volumes import MaskValues
from bundle.workflow.provenance import now

_NOT_CHOSEN: dict[str, Any] = {
    "threshold": 0.5,
    "volume_threshold": "@threshold",
    "slice_smoothing": None,
    "slice_position": None,
    "test_time_flip": False,
    "ensemble": None,
    "score_calibration": None,
    "map_scale": None,
    "finding_rule": None,
}
"""Knobs of inference.json that belong to weights, where validation chose nothing else."""


@dataclass(frozen=True)
class NewModel:
    """Model of an evaluated training.

    Args:
        root: folder of the bundle.
        work: folder of the training.
        validation: cases that chose its thresholds.
        outcome: goes into `record.json` of the version.
    """

    root: Path
    work: Path
    validation: Sequence[Mapping[str, Any]]
    outcome: Mapping[str, Any]

    def write(self, folder: Path, number: int) -> None:
        """Fill the folder of a version.

        Args:
            folder: of the version.
            number: of the version; it becomes part of the model's version in metadata.json.

        Raises:
            ValueError: weights, config and metadata do not fit each other.
        """
        train, old, metadata = (
            read_json(self.root / "configs" / f"{n}.json") for n in ("train", "inference", "metadata")
        )
        run = TrainedRun(self.work, train, read_json(self.work / "run.json"), read_json(self.work / "metrics.json"))
        run.require_own_scores()
        inference = inference_with(old, run)
        inference["finding_rule"] = self._finding_rule(run, inference, old.get("finding_rule"))
        metadata = packed_metadata(train, metadata, run.metrics, inference["threshold"])
        metadata = _as_version(metadata, number, self.outcome)
        require_fit(inference, run.weights, metadata)
        shutil.copyfile(run.weights, folder / "model.pt")
        contents: dict[str, Any] = {"inference": inference, "metadata": metadata, "input_profile": run.input_profile}
        contents |= {"metrics": run.metrics, "record": {**self.outcome, "version": metadata["version"], "made": now()}}
        for name, content in contents.items():
            if content:
                write_json(folder / f"{name}.json", content)

    def _finding_rule(self, run: TrainedRun, inference: Mapping[str, Any], old: Any) -> dict[str, Any] | None:
        """Return the rule of findings: chosen on validation masks, else the old one on the scale of the new map."""
        if inference.get("num_classes") != 1 or run.map_scale is None:
            return None
        config = {**inference, "bundle_root": str(self.root)}
        config["network_def"] = {
            name: value for name, value in inference["network_def"].items() if name != "_requires_"
        }
        volumes = scored_volumes(ConfigParser(config), run.weights, self.validation, MaskValues())
        rule = choose_rules(volumes, float(inference["threshold"]), run.map_scale).get(MODEL)
        if rule is None:
            return None if old is None else {**old, "map_scale": run.map_scale}
        return rule.entries()


def inference_with(inference: Mapping[str, Any], run: TrainedRun) -> dict[str, Any]:
    """Return inference.json with what was chosen with the weights of a run; nothing of other weights is kept.

    Args:
        inference: of the model in use.
        run: evaluated.

    Example:
        >>> old = {"threshold": 0.3, "volume_threshold": 0.2, "score_calibration": {"slope": 2.0}, "top_k": 3}
        >>> new = inference_with(old, TrainedRun(Path("run"), {}, metrics={"threshold": 0.4}))
        >>> new["threshold"], new["volume_threshold"], new["score_calibration"], new["top_k"]
        (0.4, '@threshold', None, 3)
    """
    chosen = {name: value for name, value in run.read_off.items() if value is not None}
    return with_one_rule({**inference, **_NOT_CHOSEN, **chosen})


def _as_version(metadata: Mapping[str, Any], number: int, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with a version of its own, `0.5.0+label.2`, and what it is."""
    base = str(metadata.get("version", "0")).partition("+")[0]
    version = f"{base}+label.{number}"
    counts = outcome.get("patients", {})
    text = f"trained on the labels of {counts.get('train')} patients, chosen on {counts.get('val')} others"
    return {**metadata, "version": version, "changelog": {**metadata.get("changelog", {}), version: text}}


def describe_versions(root: str | os.PathLike[str]) -> Iterator[str]:
    """Yield a line for each version: its name, when and of how many patients it was made, and its score.

    Example:
        >>> list(describe_versions("no/bundle"))
        ['no/bundle: no training was published, the packed model is in use']
    """
    known = versions(root)
    in_use = model_in_use(root) if known else Path()
    if not known:
        yield f"{root}: no training was published, the packed model is in use"
    for name in known:
        record = read_json(in_use.parent / name / "record.json", {})
        text = "as it was packed or put there"
        if record:
            text = (
                f"{record['made']}, {record['patients']['train']} patients trained; {record['metric']} of "
                f"{record['patients']['val']} others {record['new']:.4f}, of the model before {record['in_use']:.4f}"
            )
        yield f"{name}{' in use' if in_use.name == name else ''}: {text}"
