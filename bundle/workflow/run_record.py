"""What a run was: enough to defend its numbers and to run it again."""

from __future__ import annotations

import json
import logging
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from bundle.files import read_json
from bundle.workflow.command_line import CommandLine

MAY_CHANGE = {"device", "amp"}
"""Settings that a resumed run may change: where it computes, not what."""
WRITTEN = ("attribution", "localization_loss", "augmentation")
"""Entries of the config that overlays replace whole; they are compared as they are written."""
PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "nibabel", "scikit-learn")


class RunRecord:
    """Writes `run.json` (settings, versions, revision), `split.json` and `config.json` (merged) when a run starts.

    `config.json` exists for runs of `python -m monai.bundle run`; it is itself a config file, so a run is repeated by
    `--config_file <output_dir>/config.json`. `run.json` gains the end time and the last epoch's losses when the run is
    complete. Attach it after `TrainingCheckpoint`: what that refuses to continue must keep its record, and with it the
    split that it was trained on.

    Args:
        output_dir: the run's folder.
        settings: resolved knobs to write down.
        split_hash: identifies who is in training and validation.
        bundle_root: folder whose git revision is recorded.
        write: False on all ranks but the first.
        cases: "train" and "val" -> case ids; `split.json` holds them in the form that the knob `split_file` reads.

    Raises:
        ValueError: the folder holds a run of other settings, of another map, loss or augmentation, or of another split.

    Example:
        >>> RunRecord("runs/example", {"seed": 0}, write=False).attach(Engine(lambda engine, batch: None))
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
        self.output_dir.mkdir(parents=True, exist_ok=True)
        command_line = CommandLine.read()
        config = command_line.merged() if command_line else {}
        recorded = self.recorded()
        earlier = recorded if engine.state.epoch else {}
        if earlier or command_line:
            self.require_same_run(recorded, config)
        if not earlier:
            (self.output_dir / "metrics.json").unlink(missing_ok=True)  # scores of weights that are about to go
        record = {
            "settings": self.settings,
            "split_hash": self.split_hash,
            "command": sys.argv,
            "started": earlier.get("started", now()),
            "resumed": now() if earlier else None,
            "metrics": earlier.get("metrics", {}),
            "git_revision": git_revision(self.bundle_root),
            "earlier_revisions": earlier_revisions(earlier),
            "python": platform.python_version(),
            "versions": {name: metadata.version(name) for name in PACKAGES},
        }
        write_json(self.output_dir / "run.json", record)
        if self.cases:
            write_json(self.output_dir / "split.json", self.cases)
        if command_line:
            write_json(self.output_dir / "config.json", config)

    def recorded(self) -> dict[str, Any]:
        """Return the record that lies in the folder, or nothing."""
        record: dict[str, Any] = read_json(self.output_dir / "run.json", {})
        return record

    def require_same_run(self, recorded: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Refuse other settings and another split: weights and record would be of two runs, also after a kill."""
        asked = json.loads(json.dumps({**config, **self.settings, "split_hash": self.split_hash}, default=str))
        then = read_json(self.output_dir / "config.json", {}) if config else {}
        started = {
            **{name: then[name] for name in WRITTEN if name in then},
            **recorded.get("settings", {}),
            "split_hash": recorded.get("split_hash", self.split_hash),
        }
        changed = [
            f"{name} {asked.get(name)} (started with {value})"
            for name, value in started.items()
            if name not in MAY_CHANGE and asked.get(name) != value
        ]
        if changed:
            raise ValueError(
                f"{self.output_dir}: expected the settings that the run in it was started with, got "
                f"{', '.join(changed)}: use those, choose another output_dir, or move that run away."
            )

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


def earlier_revisions(earlier: Mapping[str, Any]) -> list[str | None]:
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


def write_json(path: Path, content: Any) -> None:
    """Write by rename, so that a kill leaves the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{platform.node()}.tmp")
    temporary.write_text(json.dumps(content, indent=2, default=str) + "\n")
    temporary.replace(path)
