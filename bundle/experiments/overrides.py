"""Overrides of all runs of a script, which follow its own options on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from bundle.experiments.run import BUNDLE_ROOT
from bundle.workflow.command_line import is_name, parse_arguments, plain_id
from bundle.workflow.knobs import names

IDS_OF_ONE_RUN = {"config_file", "args_file", "run_id", "init_id", "final_id"} | names("place", "run")
"""Ids that an experiment gives every run itself: with one folder or one config for all, each row would be the first."""


def command_overrides(arguments: Sequence[str]) -> dict[str, Any]:
    """Return `--id value` pairs as overrides.

    Raises:
        ValueError: a word that belongs to no option, or an id that only one run can have.

    Example:
        >>> command_overrides(["--max_epochs", "10", "--optimizer#weight_decay=0.1"])
        {'max_epochs': 10, 'optimizer#weight_decay': 0.1}
        >>> command_overrides(["--model_dir", "weights"])
        Traceback (most recent call last):
        ValueError: overrides of all runs must be other ids than model_dir: every run has its own.
    """
    before = ["", *arguments]
    for previous, word in zip(before, arguments, strict=False):
        if not is_name(word) and (not is_name(previous) or "=" in previous):
            raise ValueError(f"overrides of all runs must be --id value, got the word {word!r} after {previous!r}.")
    overrides = parse_arguments(arguments)
    if taken := sorted(IDS_OF_ONE_RUN & {plain_id(name).split("#")[0] for name in overrides}):
        raise ValueError(f"overrides of all runs must be other ids than {', '.join(taken)}: every run has its own.")
    if hyphened := sorted(names("source") & {*overrides}):
        raise ValueError(f"--{hyphened[0]} must be spelled as this script's own option: write --{hyphened[0]}.")
    return overrides


@cache
def overlay_ids(overlay: str) -> tuple[str, ...]:
    """Return the ids that a config file sets.

    Args:
        overlay: its path, relative to the bundle's root.

    Raises:
        ValueError: there is no such file, or it is no mapping.

    Example:
        >>> overlay_ids("configs/beyond/ema.yaml")
        ('ema_momentum',)
    """
    path = BUNDLE_ROOT / overlay
    if not path.is_file():
        raise ValueError(f"overlay must be a config file, got {path}, which is not there.")
    try:
        content = ConfigParser.load_config_file(path)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path} must be YAML or JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold `id: value` lines, got {content!r}.")
    return tuple(plain_id(name) for name in content)


def with_teacher(overrides: Mapping[str, Any], folder: Callable[[str], Path]) -> dict[str, Any]:
    """Return overrides in which a `teacher` that is the name of a row is the file of its weights.

    Args:
        overrides: `id: value` of one run.
        folder: row -> folder of its run with the same repeat.

    Example:
        >>> with_teacher({"teacher": "unet10", "seed": 1}, lambda row: Path("/runs") / row / "fold0")
        {'teacher': '/runs/unet10/fold0/model.pt', 'seed': 1}
    """
    teacher = overrides.get("teacher")
    if teacher is None or not _is_row(teacher):
        return dict(overrides)
    return {**overrides, "teacher": str(folder(str(teacher)).absolute() / "model.pt")}


def _is_row(teacher: Any) -> bool:
    """Tell the name of a row from a path."""
    return Path(str(teacher)).name == str(teacher)


def require_teachers(rows: Any) -> None:
    """Refuse a row whose `teacher` is the name of no row above it; rows of another form are refused elsewhere.

    Example:
        >>> require_teachers({"second": {"teacher": "first"}})
        Traceback (most recent call last):
        ValueError: teacher of row second must be a row above it or a path, got 'first'.
    """
    for number, (name, row) in enumerate(rows.items() if isinstance(rows, Mapping) else ()):
        teacher = row.get("teacher") if isinstance(row, Mapping) else None
        if teacher is not None and _is_row(teacher) and str(teacher) not in list(rows)[:number]:
            raise ValueError(f"teacher of row {name} must be a row above it or a path, got {teacher!r}.")


def touching(names: Iterable[str], ids: Iterable[str]) -> list[str]:
    """Return the names that are one of the ids, a part of one, or have one as a part.

    Example:
        >>> touching(["optimizer#lr", "optimizer", "optimizer_2", "attribution::beta"], ["optimizer#lr", "attribution"])
        ['optimizer#lr', 'optimizer', 'attribution::beta']
    """
    others = [f"{id_}#" for id_ in map(plain_id, ids)]
    return [
        name
        for name in names
        if any(f"{plain_id(name)}#".startswith(other) or other.startswith(f"{plain_id(name)}#") for other in others)
    ]
