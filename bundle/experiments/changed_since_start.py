"""The comparison of a run's folder with the run that is asked for now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.run import BUNDLE_ROOT, BundleRun
from bundle.files import read_json
from bundle.workflow.command_line import CommandLine, parse_arguments, plain_id
from bundle.workflow.compare import Comparison, as_recorded, read_config_record
from bundle.workflow.knobs import is_plain, names


def changed_since_start(run: BundleRun) -> dict[str, tuple[Any, Any]]:
    """Return knob -> (then, now) for a run that was started before, by its `config.json`; nothing for a new one.

    Compared are the config files by name, the knobs that are plain values, and what overlays and overrides set then or
    set now, so that a newer train.json with more handlers does not make a finished run another one. Folders, machine
    and the arguments of a call may differ.

    Raises:
        ValueError: a record of the run is damaged.

    Example:
        >>> from pathlib import Path
        >>> changed_since_start(BundleRun("a", Path("not/there"), ["configs/train.json"]))
        {}
    """
    record = run.output_dir / "config.json"
    if not record.exists():
        return {}
    base, *overlays = (str(BUNDLE_ROOT / file) for file in run.config_files)
    now = as_recorded(CommandLine((base, *overlays), dict(run.overrides)).merged())
    then, command = {"teacher": None, **read_config_record(record, now)}, _recorded_command(run)  # old records lack it
    for config in (then, now):
        config["self_training"] = config.get("self_training") or 0  # as null and no entry are
    files = command.get("config_file")
    if isinstance(files, list) and _file_names(files) != _file_names(run.config_files):
        return {"config_file": (files, list(run.config_files))}
    own = CommandLine(tuple(overlays)).merged() if overlays else {}
    named = {plain_id(name).split("#")[0] for name in [*own, *run.overrides, *command]}
    known = {*then} & {*now} - names("source", "place", "machine", "run")
    compared = sorted(name for name in known if name in named or is_plain(now[name]))
    return {name: (then[name], now[name]) for name in compared if any(Comparison(then, now).differences(name))}


def _recorded_command(run: BundleRun) -> dict[str, Any]:
    """Return the options of the command that trained the run last, nothing where its record has none."""
    return parse_arguments(read_json(run.output_dir / "run.json", {}).get("command", [])[2:])


def _file_names(files: Sequence[str]) -> list[str]:
    """Return the names of files, which may lie elsewhere on another machine."""
    return [Path(file).name for file in files]
