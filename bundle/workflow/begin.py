"""The first step of every run of a command line: bad files, overrides and values are refused at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from bundle.workflow.allowed import is_open
from bundle.workflow.command_line import CommandLine
from bundle.workflow.compare import OLD_NAMES
from bundle.workflow.knobs import Knob, knobs
from bundle.workflow.last_line import end_with_one_line
from bundle.workflow.override_guard import order_problems, override_problems
from bundle.workflow.program import program_problems, running_config, running_workflow


def begin_run(argv: Sequence[str] | None = None) -> None:
    """Refuse what would be ignored or is not allowed, before anything is computed; the first entry of `initialize`.

    Under `python -m monai.bundle run` errors end in one line from here on, see `end_with_one_line`. A program (MONAI
    Label, `monai.bundle.load`, a federated client) has no such command line; of its `ConfigWorkflow` the merged config
    is checked.

    Args:
        argv: as in `sys.argv`, which is the default.

    Raises:
        ValueError: every file that is out of order, every override that would change nothing, and every value that is
            not allowed, each with its file or option and the remedy.

    Example:
        >>> begin_run(["pytest"])
    """
    command_line = CommandLine.read(argv)
    if command_line is None:
        _check_program()
        return
    if argv is None:
        end_with_one_line(debug=command_line.overrides.get("debug") is True)
    config = checked_config(command_line)
    if argv is None:
        end_with_one_line(debug=config.get("debug") is True)


def _check_program() -> None:
    """Refuse what is wrong in the config of the workflow that calls, if one does."""
    workflow, config = running_workflow(), running_config()
    if workflow is None:
        return
    problems = list(program_problems(config, Path(workflow.config_root_path)))
    if problems := problems or list(value_problems(CommandLine((), config))):
        raise ValueError("\n".join(problems))


def checked_config(command_line: CommandLine) -> dict[str, Any]:
    """Return the merged config of a command line, references unresolved, if nothing in it is refused.

    Args:
        command_line: files and overrides.

    Raises:
        ValueError: see `begin_run`.

    Example:
        >>> argv = ["--config_file", str(Path(__file__).parents[2] / "configs/train.json"), "--seed", "3"]
        >>> checked_config(CommandLine.parse(argv))["seed"]
        3
    """
    problems = [*order_problems(command_line.files), *override_problems(command_line), *value_problems(command_line)]
    if problems:
        raise ValueError("\n".join(problems))
    return command_line.merged()


OverrideGuard = refuse_unknown_overrides = begin_run  # names in older records


def value_problems(command_line: CommandLine) -> Iterator[str]:
    """Yield a sentence for every knob whose value is not allowed.

    Args:
        command_line: files and overrides of the run.

    Example:
        >>> argv = ["--config_file", str(Path(__file__).parents[2] / "configs/train.json"), "--beta", "2"]
        >>> print(*value_problems(CommandLine.parse(argv)))
        --beta must be a number from 0 to 1, got 2: give such a value (docs/knobs.md).
    """
    # an override inside an entry is no knob, and one of an unknown entry cannot be merged
    plain = {name: value for name, value in command_line.overrides.items() if name in knobs()}
    config = replace(command_line, overrides=plain).merged()
    for name, value in config.items():
        knob = knobs().get(OLD_NAMES.get(name, name))
        typed = command_line.typed.get(name, "")
        if knob is None or (knob.allowed.takes(value, config) and not _is_cut(knob, typed=typed, value=value)):
            continue
        place, expected = command_line.place_of(name), knob.allowed.text(config)
        got = typed if knob.allowed.type == "path" and typed else _shown(value)
        yield f"{place} must be {expected}, got {got}: {_remedy(knob, typed=typed, value=value)}."
    yield from _width_problems(config)
    yield from _scale_problems(command_line.files[:1], config)


def _is_cut(knob: Knob, *, typed: str, value: Any) -> bool:
    """Return whether Fire made another path of what was typed: it drops a comment, brackets and spaces."""
    if knob.allowed.type != "path" or not typed or not isinstance(value, str) or is_open(value):
        return False
    return typed not in (value, repr(value), f'"{value}"')


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _remedy(knob: Knob, *, typed: str, value: Any) -> str:
    """Return what to write instead, where that can be told."""
    if knob.allowed.type == "path" and "#" in (typed or str(value)):
        return "MONAI cannot keep a # in a path, so rename the folder"
    if knob.allowed.type == "path" and not isinstance(value, list):
        return f"type ./{typed.strip()}" if typed else "write it in quotes"
    if isinstance(value, str) and knob.allowed.type in ("whole", "number") and (number := _as_yaml_number(value)):
        return f"YAML reads it as text, so write {number}"
    if knob.allowed.multiple_of:
        return f"change it or {knob.allowed.multiple_of[0]}"
    return "give such a value (docs/knobs.md)"


def _as_yaml_number(text: str) -> str:
    """Return a number as YAML 1.1 reads it, nothing for other text.

    Example:
        >>> _as_yaml_number("1e-4"), _as_yaml_number("5"), _as_yaml_number("five")
        ('1.0e-4', '5', '')
    """
    found = re.fullmatch(r"([+-]?\d+)(\.\d*)?(?:[eE]([+-]?)(\d+))?", text.strip())
    if not found:
        return ""
    whole, fraction, sign, exponent = found.groups()
    return f"{whole}{fraction or '.0'}e{sign or '+'}{exponent}" if exponent else f"{whole}{fraction or ''}"


def _width_problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentence for a code of rows and columns that the tokens are too narrow for."""
    width = config.get("hidden_size")
    if config.get("position_encoding") == "sincos" and isinstance(width, int) and width % 4:
        yield f"hidden_size must be a multiple of 4 for position_encoding sincos, got {width}: change one of them."


def _scale_problems(first: tuple[str, ...], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sentence for a color scale that evaluation found for another map than the one that is made."""
    base = ConfigParser.load_config_file(first[0]) if first and Path(first[0]).is_file() else {}
    found = base.get("map_scale")
    changed = [name for name in ("attribution", "beta") if config.get(name) != base.get(name)]
    if found is not None and found == config.get("map_scale") and changed:
        yield (
            f"map_scale must be that of the map, got the one of {first[0]} although {changed[0]} is another: write "
            "`map_scale: null` into an overlay, or give two numbers."
        )
