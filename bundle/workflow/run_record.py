"""The record of a run: enough to defend its numbers and to run it again."""

from __future__ import annotations

import logging
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from bundle.files import read_json, write_json
from bundle.keys import START_WEIGHTS
from bundle.workflow.command_line import CommandLine
from bundle.workflow.compare import Change, Comparison, as_recorded, read_config_record, with_current_names
from bundle.workflow.knobs import ROLES, names, plain_settings
from bundle.workflow.program import running_config
from bundle.workflow.provenance import changed_file, earlier_revisions, extensions, file_and_hash, git_revision, now

_PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "nibabel", "scikit-learn")
_COMPARED = ("network", "map", "data", "training")
"""Roles that make a run; the hash of the split stands for who is in it."""


class RunRecord:
    """Writes `run.json` (settings, versions, revision), `split.json` and `config.json` (merged) when a run starts.

    `config.json` is itself a config file, so a run is repeated by `--config_file <output_dir>/config.json`; it exists
    for runs of `python -m monai.bundle run` and of programs that use MONAI's `ConfigWorkflow`. `run.json` gains the end
    time and the last epoch's losses when the run is complete. Attach it after `TrainingCheckpoint`: a run that the
    checkpoint refuses to continue must keep its record.

    A complete run that is resumed with nothing to do keeps its record. With a larger `max_epochs` it goes on, which
    `extended` of `run.json` tells; `initial_weights`, `pretrained` and `teacher` have file and hash of the weights that
    a training started or learned from.

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
        self._program = running_config()
        self._has_work = True

    def attach(self, engine: Engine) -> None:
        """Write at the start and at the end of the trainer's run."""
        if self.write:
            engine.add_event_handler(Events.STARTED, self.start)
            engine.add_event_handler(Events.COMPLETED, self.complete)

    def start(self, engine: Engine) -> None:
        """Write the files."""
        command_line = CommandLine.read()
        config = as_recorded(command_line.merged()) if command_line else self._program
        recorded = read_json(self.output_dir / "run.json", {})
        earlier = recorded if engine.state.epoch else {}
        if earlier or command_line:
            self._require_same_run(recorded, config, command_line)
        self._has_work = "completed" not in earlier or not _is_over(engine)
        if not self._has_work:
            return
        (self.output_dir / "metrics.json").unlink(missing_ok=True)  # scores of weights that are about to go
        if self.cases:
            write_json(self.output_dir / "split.json", self.cases)
        if config:
            write_json(self.output_dir / "config.json", config)
        write_json(self.output_dir / "run.json", self._record(engine, config, earlier))

    def _record(self, engine: Engine, config: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of `run.json`; it is written last, because it tells what the other files belong to."""
        return {
            "settings": {**plain_settings(config, *_COMPARED), **self.settings},
            "split_hash": self.split_hash,
            "command": sys.argv,
            "started": earlier.get("started", now()),
            "resumed": now() if earlier else None,
            "metrics": earlier.get("metrics", {}),
            "git_revision": git_revision(self.bundle_root),
            "earlier_revisions": earlier_revisions(earlier),
            "extended": extensions(earlier, config, engine.state.epoch, now()),
            **{name: earlier.get(name) if earlier else file_and_hash(config.get(name)) for name in START_WEIGHTS},
            "python": platform.python_version(),
            "versions": {name: metadata.version(name) for name in _PACKAGES},
        }

    def require_same_run(self, command_line: CommandLine) -> None:
        """Compare the settings of a command line with the record in the folder, before cases are read.

        Raises:
            ValueError: the folder holds a run of other settings.
        """
        recorded = read_json(self.output_dir / "run.json", {})
        self._require_same_run(recorded, as_recorded(command_line.merged()), command_line)

    def _require_same_run(
        self, recorded: Mapping[str, Any], config: Mapping[str, Any], command_line: CommandLine | None
    ) -> None:
        """Refuse other settings and another split: weights and record would be of two runs, also after a kill."""
        then = read_config_record(self.output_dir / "config.json", config) if config else {}
        changes = list(self._changed_settings(recorded, config, has_config=bool(then)))
        if then and command_line:
            was = CommandLine.parse(recorded.get("command", [])[2:])
            changes += _config_changes(Comparison(then, config), was.changed_ids() | command_line.changed_ids())
        hash_then = recorded.get("split_hash", self.split_hash) if self.split_hash else ""
        if recorded:
            changes += changed_file("teacher", recorded, config)
        changes += [Change("split_hash", hash_then, self.split_hash)] if hash_then != self.split_hash else []
        changes = [change for change in changes if not _extends(change, recorded, config)]
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
        if self._has_work:
            record = read_json(path)
            metrics = engine.state.metrics or record["metrics"]
            write_json(path, record | {"completed": now(), "epochs": engine.state.epoch, "metrics": metrics})
        logging.getLogger(__name__).info(f"This run is in {self.output_dir}.")


def _config_changes(comparison: Comparison, changed_ids: set[str]) -> Iterator[Change]:
    """Yield what makes another run: settings, and what was or is changed inside the wiring."""
    yield from comparison.changes(names(*_COMPARED), names(*(role for role in ROLES if role not in _COMPARED)))
    for id_ in sorted(changed_ids):
        name, _, part = id_.partition("#")
        if part and name in names("wiring"):
            yield from comparison.differences(id_)


def _is_over(engine: Engine) -> bool:
    """Return whether a run that was restored has no epoch left, or had stopped early."""
    return bool(engine.should_terminate or engine.state.epoch >= (engine.state.max_epochs or 0))


def _extends(change: Change, recorded: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Return whether a change only lets a complete run go on for more epochs."""
    numbers = isinstance(change.then, int) and isinstance(change.now, int)
    is_asked = change.id == "max_epochs" and "completed" in recorded and config.get("resume") is True
    return is_asked and numbers and change.now > change.then
