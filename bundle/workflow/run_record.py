"""The record of a run: enough to defend its numbers and to run it again."""

from __future__ import annotations

import logging
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from bundle.files import read_json, write_json
from bundle.workflow.command_line import CommandLine
from bundle.workflow.compare import Change, Comparison, as_recorded, read_config_record, with_current_names
from bundle.workflow.knobs import ROLES, names, plain_settings

_PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "nibabel", "scikit-learn")
_COMPARED = ("network", "map", "data", "training")
"""Roles that make a run; the hash of the split stands for who is in it."""


class RunRecord:
    """Writes `run.json` (settings, versions, revision), `split.json` and `config.json` (merged) when a run starts.

    `config.json` exists for runs of `python -m monai.bundle run`; it is itself a config file, so a run is repeated by
    `--config_file <output_dir>/config.json`. `run.json` gains the end time and the last epoch's losses when the run is
    complete. Attach it after `TrainingCheckpoint`: a run that the checkpoint refuses to continue must keep its record.

    Where the folder holds a record, the config is compared with it: network, map, data and training (see
    docs/knobs.md), and what overlays and options set inside the wiring, such as `train#trainer#max_epochs`. Handlers
    that an overlay appends are not compared. Folders, machine, evaluation and `resume` may change.

    Args:
        output_dir: the run's folder.
        settings: resolved knobs to write down and compare; by default the plain values of the merged config.
        split_hash: identifies who is in training and validation.
        bundle_root: folder whose git revision is recorded.
        write: False on all ranks but the first.
        cases: "train" and "val" -> case ids; `split.json` holds them in the form that the knob `split_file` reads.

    Raises:
        ValueError: the folder holds a run of other settings or of another split.

    Example:
        >>> RunRecord("runs/example", write=False).attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self,
        output_dir: str | Path,
        settings: Mapping[str, Any] | None = None,
        split_hash: str = "",
        bundle_root: str | Path = ".",
        write: bool = True,
        cases: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.settings = dict(settings or {})
        self.split_hash = split_hash
        self.bundle_root = Path(bundle_root)
        self.write = write
        self.cases = dict(cases or {})

    def attach(self, engine: Engine) -> None:
        """Write at the start and at the end of the trainer's run."""
        if self.write:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self.complete)

    def start(self, engine: Engine) -> None:
        """Write the files."""
        command_line = CommandLine.read()
        config = as_recorded(command_line.merged()) if command_line else {}
        recorded = read_json(self.output_dir / "run.json", {})
        earlier = recorded if engine.state.epoch else {}
        if earlier or command_line:
            self._require_same_run(recorded, config, command_line)
        if not earlier:
            (self.output_dir / "metrics.json").unlink(missing_ok=True)  # scores of weights that are about to go
        record = {
            "settings": {**plain_settings(config, *_COMPARED), **self.settings},
            "split_hash": self.split_hash,
            "command": sys.argv,
            "started": earlier.get("started", now()),
            "resumed": now() if earlier else None,
            "metrics": earlier.get("metrics", {}),
            "git_revision": git_revision(self.bundle_root),
            "earlier_revisions": _earlier_revisions(earlier),
            "python": platform.python_version(),
            "versions": {name: metadata.version(name) for name in _PACKAGES},
        }
        write_json(self.output_dir / "run.json", record)
        if self.cases:
            write_json(self.output_dir / "split.json", self.cases)
        if command_line:
            write_json(self.output_dir / "config.json", config)

    def _require_same_run(
        self, recorded: Mapping[str, Any], config: Mapping[str, Any], command_line: CommandLine | None
    ) -> None:
        """Refuse other settings and another split: weights and record would be of two runs, also after a kill."""
        then = read_config_record(self.output_dir / "config.json", config) if config else {}
        changes = list(self._changed_settings(recorded, config, has_config=bool(then)))
        if then and command_line:
            was = CommandLine.parse(recorded.get("command", [])[2:])
            changes += _config_changes(Comparison(then, config), was.changed_ids() | command_line.changed_ids())
        hash_then = recorded.get("split_hash", self.split_hash)
        changes += [Change("split_hash", hash_then, self.split_hash)] if hash_then != self.split_hash else []
        if changes:
            told = {change.id: f"{change.id} {change.now} (started with {change.then})" for change in changes}
            raise ValueError(
                f"{self.output_dir}: settings must be those that the run in it was started with, got "
                f"{', '.join(told.values())}: use those, choose another output_dir, or move that run away."
            )

    def _changed_settings(
        self, recorded: Mapping[str, Any], config: Mapping[str, Any], *, has_config: bool
    ) -> Iterator[Change]:
        """Yield what differs from the settings in `run.json`, where they are given or all that there is."""
        asked = as_recorded(self.settings if has_config else {**plain_settings(config, *_COMPARED), **self.settings})
        then = with_current_names(recorded.get("settings", {}), asked)
        for name in [name for name in then if name not in names("machine")]:
            if name in asked and asked[name] != then[name]:
                yield Change(name, then[name], asked[name])

    def complete(self, engine: Engine) -> None:
        """Add what came out."""
        path = self.output_dir / "run.json"
        record = read_json(path)
        record |= {
            "completed": now(),
            "epochs": engine.state.epoch,
            "metrics": engine.state.metrics or record["metrics"],
        }
        write_json(path, record)
        logging.getLogger(__name__).info(f"This run is in {self.output_dir}.")


def _config_changes(comparison: Comparison, changed_ids: set[str]) -> Iterator[Change]:
    """Yield what makes another run: settings, and what was or is changed inside the wiring."""
    yield from comparison.changes(names(*_COMPARED), names(*(role for role in ROLES if role not in _COMPARED)))
    for id_ in sorted(changed_ids):
        name, _, part = id_.partition("#")
        if part and name in names("wiring"):
            yield from comparison.differences(id_)


def _earlier_revisions(earlier: Mapping[str, Any]) -> list[str | None]:
    """Return the revisions that a continued run was trained at before, in their order."""
    return list(dict.fromkeys([*earlier.get("earlier_revisions", []), earlier.get("git_revision")])) if earlier else []


def git_revision(folder: Path) -> str | None:
    """Return the revision of the working tree, with '+' if it has changes, or None outside a repository."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
