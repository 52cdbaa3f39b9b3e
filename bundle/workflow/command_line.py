"""What `python -m monai.bundle run` was asked to do, read from its own command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue
from monai.bundle import ConfigParser
from monai.utils import ensure_tuple

RUN_ARGUMENTS = frozenset(
    {"run_id", "init_id", "final_id", "meta_file", "logging_file", "tracking", "args_file"}
    | {"config_file", "+config_file"}
)


@dataclass(frozen=True)
class CommandLine:
    """Config files in their order, the `--id value` overrides, and the `--id None` that MONAI leaves out."""

    files: tuple[str, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @classmethod
    def read(cls, argv: Sequence[str] | None = None) -> CommandLine | None:
        """Return what was asked for, or None if this process is not `python -m monai.bundle run`.

        Args:
            argv: as in `sys.argv`, which is the default. `--+config_file` appends to the files of `--args_file`.

        Example:
            >>> argv = ["/lib/monai/bundle/__main__.py", "run", "--config_file", "['a.json','b.yaml']", "--seed", "3"]
            >>> CommandLine.read(argv)
            CommandLine(files=('a.json', 'b.yaml'), overrides={'seed': 3}, left_out=())
        """
        argv = sys.argv if argv is None else argv
        program = Path(argv[0]).as_posix()
        if not program.endswith("monai/bundle/__main__.py") or len(argv) < 2 or argv[1] != "run":
            return None
        given = parse_arguments(argv[2:])
        left_out = tuple(name for name, value in given.items() if value is None and name not in RUN_ARGUMENTS)
        given = {name: value for name, value in given.items() if value is not None}
        if "args_file" in given:
            given = {**ConfigParser.load_config_file(given["args_file"]), **given}
        files = [*ensure_tuple(given.get("config_file", ())), *ensure_tuple(given.get("+config_file", ()))]
        overrides = {name: value for name, value in given.items() if name not in RUN_ARGUMENTS}
        return cls(tuple(files), overrides, left_out)

    def merged(self) -> dict[str, Any]:
        """Return the config after all files and overrides, references unresolved."""
        parser = ConfigParser()
        parser.read_config(list(self.files))
        parser.update(self.overrides)
        return {name: value for name, value in parser.get().items() if name != "_meta_"}


def parse_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Return name and value of `--name value`, `--name=value` and `--flag`, with values as Fire reads them."""
    given: dict[str, Any] = {}
    name = None
    for argument in arguments:
        if is_name(argument):
            name, separator, value = argument.lstrip("-").partition("=")
            name = name.replace("-", "_")
            given[name] = DefaultParseValue(value) if separator else True
            name = None if separator else name
        elif name is not None:
            given[name], name = DefaultParseValue(argument), None
    return given


def is_name(argument: str) -> bool:
    """Return whether an argument is the name of an option and not a (negative) value."""
    return argument.startswith("-") and argument.strip("-") != "" and not is_number(argument)


def is_number(argument: str) -> bool:
    """Return whether an argument is a number, in any form."""
    try:
        float(argument)
    except ValueError:
        return False
    return True


def plain_id(name: str) -> str:
    """Return an id in one form: MONAI takes `a#b` and `a::b`, and `+a` for what is appended.

    Example:
        >>> plain_id("+train::handlers")
        'train#handlers'
    """
    return name.lstrip("+").replace("::", "#")
