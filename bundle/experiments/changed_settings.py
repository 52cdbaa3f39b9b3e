"""Whether a run's folder holds another run than the one that is asked for now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.run import BUNDLE_ROOT, BundleRun
from bundle.files import read_json
from bundle.workflow.command_line import CommandLine, parse_arguments, plain_id

PLACES = frozenset(
    {
        "bundle_root",
        "dataset_dir",
        "output_dir",
        "model_dir",
        "cache_dir",
        "device",
        "resume",
        "num_workers",
        "ingest_workers",
    }
)
"""What may differ between two machines that make the same run."""


def changed_settings(run: BundleRun) -> dict[str, tuple[Any, Any]]:
    """Return knob -> (then, now) for a run that was started before, by its `config.json`; nothing for a new one.

    Compared are the config files by name, the knobs that are plain values, and what overlays and overrides set then or
    set now, so that a newer train.json with more handlers does not make a finished run another one.

    Raises:
        ValueError: a record of the run is damaged.

    Example:
        >>> from pathlib import Path
        >>> changed_settings(BundleRun("a", Path("not/there"), ["configs/train.json"]))
        {}
    """
    record = run.output_dir / "config.json"
    if not record.exists():
        return {}
    then, command = read_json(record), recorded_command(run)
    files = command.get("config_file")
    if isinstance(files, list) and names_of(files) != names_of(run.config_files):
        return {"config_file": (files, list(run.config_files))}
    base, *overlays = (str(BUNDLE_ROOT / file) for file in run.config_files)
    now = json.loads(json.dumps(CommandLine((base, *overlays), dict(run.overrides)).merged(), default=str))
    own = CommandLine(tuple(overlays)).merged() if overlays else {}
    named = {plain_id(name).split("#")[0] for name in [*own, *run.overrides, *command]}
    compared = {name for name in {*then} & {*now} - PLACES if name in named or is_plain(now[name])}
    return {name: (then[name], now[name]) for name in sorted(compared) if then[name] != now[name]}


def recorded_command(run: BundleRun) -> dict[str, Any]:
    """Return the options of the command that trained the run last, nothing where its record has none."""
    return parse_arguments(read_json(run.output_dir / "run.json", {}).get("command", [])[2:])


def names_of(files: Sequence[str]) -> list[str]:
    """Return the names of files, which may lie elsewhere on another machine."""
    return [Path(file).name for file in files]


def is_plain(value: Any) -> bool:
    """Return whether a value is a knob: neither an object nor an expression."""
    return not isinstance(value, dict | list) and not str(value).startswith(("$", "@"))
