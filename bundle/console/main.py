"""Entry of the console command `lgm-vit`."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from bundle.console.commands import RUNS, SCRIPTS, help_line, overview, script
from bundle.files import bundle_root, read_json

_USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Args:
        arguments: command and its options; None takes those of this process.

    Example:
        >>> main(["--root"]) == 0  # doctest: +ELLIPSIS
        /...
        True
    """
    command, *rest = (sys.argv[1:] if arguments is None else [*arguments]) or ["--help"]
    told = {"--help": overview, "-h": overview, "help": overview, "--root": bundle_root, "--version": _version}
    if command in told:
        print(told[command]())
        return 0
    if command in RUNS:
        return _run(command, rest)
    if command in SCRIPTS:
        return _run_script(command, rest)
    near = get_close_matches(command, [*RUNS, *SCRIPTS], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "`lgm-vit --help` lists them."
    return _error(f"lgm-vit must be given one of its commands, got {command}: {hint}")


def _run(command: str, arguments: list[str]) -> int:
    from bundle.console.runs import help_text, monai_arguments, run  # MONAI takes seconds, a help does without

    if {"--help", "-h"} & {*arguments}:
        print(help_text(command, help_line(command)))
        return 0
    try:
        ready = monai_arguments(command, arguments)
    except ValueError as error:
        return _error(str(error))
    run(ready)
    return 0


def _run_script(command: str, arguments: list[str]) -> int:
    from bundle.console.runs import located, monai_arguments  # MONAI takes seconds, a help does without

    if command == "check" and not {"--help", "-h", "--datalist"} & {*arguments}:
        try:
            arguments = monai_arguments(command, arguments)[1:]
        except ValueError as error:
            return _error(str(error))
    return run_script(script(command), f"lgm-vit {command}", [located(argument) for argument in arguments])


def run_script(path: Path, name: str, arguments: Sequence[str]) -> int:
    """Call `main` of a script as Python would, under the name of a command.

    Args:
        path: of the script.
        name: shown in its help.
        arguments: options of the user.

    Returns:
        Its exit status.
    """
    sys.argv = [name, *arguments]
    sys.path.insert(0, str(path.parent))  # as Python does with the folder of a script
    status = runpy.run_path(str(path))["main"]()
    return status if isinstance(status, int) else 0


def _error(text: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    return _USAGE_ERROR


def _version() -> str:
    return str(read_json(bundle_root() / "configs/metadata.json")["version"])
