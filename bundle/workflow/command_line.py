"""The command line of `python -m monai.bundle run`: config files, overrides, and the config that they merge to.

This is a shim: MONAI gives a running component neither the files nor the overrides of its run, so they are read from
`sys.argv` once more, with Fire's rules. A `ConfigWorkflow` subclass that hands both over would remove this file; users
would then have to start that class in place of `monai.bundle run`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fire.parser
from monai.bundle import ConfigParser
from monai.utils import ensure_tuple

from bundle.workflow.knobs import BASES

RUN_ARGUMENTS = frozenset(
    {"run_id", "init_id", "final_id", "meta_file", "logging_file", "tracking", "args_file"}
    | {"config_file", "+config_file"}
)
"""Arguments of `monai.bundle run` itself."""
TRACKING_ARGUMENTS = frozenset({"tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0"})
"""Ids that MONAI adds to a config for MLflow."""


@dataclass(frozen=True)
class CommandLine:
    """Config files in their order, the `--id value` overrides, and the `--id None` that MONAI leaves out.

    `typed` holds the overrides that were typed, as text before Fire read it; the others stand in `args_file`.
    """

    files: tuple[str, ...]
    overrides: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    typed: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    args_file: str = field(default="", repr=False, compare=False)

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
        return cls.parse(argv[2:])

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> CommandLine:
        """Return what the arguments behind `run` ask for."""
        typed = dict(_pairs(arguments))
        given = {name: parse_value(text) for name, text in typed.items()}
        left_out = tuple(name for name, value in given.items() if value is None and name not in RUN_ARGUMENTS)
        given = {name: value for name, value in given.items() if value is not None}
        if "args_file" in given:
            given = {**ConfigParser.load_config_file(given["args_file"]), **given}
        files = [*ensure_tuple(given.get("config_file", ())), *ensure_tuple(given.get("+config_file", ()))]
        overrides = {name: value for name, value in given.items() if name not in RUN_ARGUMENTS}
        return cls(tuple(files), overrides, left_out, typed, str(given.get("args_file", "")))

    def place_of(self, name: str) -> str:
        """Return the place where an entry has its value from, as it begins an error: option, file or nothing.

        Example:
            >>> CommandLine.parse(["--seed", "3"]).place_of("seed"), CommandLine.parse([]).place_of("seed")
            ('--seed', 'seed')
        """
        if name in self.overrides:
            return f"--{name}" if name in self.typed else f"{self.args_file}: {name}".removeprefix(": ")
        files = [file for file in self.files if Path(file).is_file() and name in ConfigParser.load_config_file(file)]
        return f"{files[-1]}: {name}" if files else name

    def changed_ids(self) -> set[str]:
        """Return the ids that overlays, where they still exist, and overrides set; what is appended is left out."""
        files = [Path(file) for file in self.files[1:] if Path(file).name not in BASES]
        overlays = [ConfigParser.load_config_file(file) for file in files if file.is_file()]
        changed = [name for content in [*overlays, self.overrides] for name in content]
        return {plain_id(name) for name in changed if not name.startswith("+")}

    def merged(self) -> dict[str, Any]:
        """Return the config after all files and overrides, references unresolved."""
        parser = ConfigParser()
        parser.read_config(list(self.files))
        parser.update(self.overrides)
        return {name: value for name, value in parser.get().items() if name != "_meta_"}


def parse_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Return name and value of `--name value`, `--name=value` and `--flag`, with values as Fire reads them."""
    return {name: parse_value(text) for name, text in _pairs(arguments)}


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each option; a flag has the text True."""
    name = None
    for argument in [*arguments, "--"]:
        if is_name(argument) or argument == "--":
            if name is not None:
                yield name, "True"
            name, separator, value = argument.lstrip("-").partition("=")
            name = name.replace("-", "_")
            if separator:
                yield name, value
                name = None
        elif name is not None:
            yield name, argument
            name = None


def parse_value(text: str) -> Any:
    """Return a word of the command line as Fire reads it.

    Example:
        >>> parse_value("[1, 'a']"), parse_value("scan"), parse_value("1e-3")
        ([1, 'a'], 'scan', 0.001)
    """
    # Not documented by Fire, tried with 0.7.1; with a `ConfigWorkflow` that is given the overrides it would go.
    return fire.parser.DefaultParseValue(text)


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
