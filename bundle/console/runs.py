"""Commands that are runs of MONAI: config files are found in the installation, everything else is handed on."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.utils import ensure_tuple

from bundle.files import bundle_root
from bundle.workflow.command_line import is_name, parse_arguments

_RECIPE, _PLAIN_RECIPE = "recommended", "tiny"  # a pretraining needs a network without convolutions
_TRAIN, _EVALUATE, _INFER, _PRETRAIN = (
    f"configs/{name}.json" for name in ("train", "evaluate", "inference", "pretrain")
)
_FILES = ("args_file", "config_file", "+config_file")


def run(arguments: Sequence[str]) -> None:
    """Run `python -m monai.bundle` in this process.

    Args:
        arguments: by `monai_arguments`.
    """
    sys.argv = ["lgm-vit", *arguments]
    runpy.run_module("monai.bundle.__main__", run_name="__main__", alter_sys=True)


def monai_arguments(command: str, arguments: Sequence[str]) -> list[str]:
    """Return the arguments of `python -m monai.bundle`, with the paths of config files.

    A name of a config file is looked up from here, then in the bundle: that of `--bundle_root`, else this one. Without
    any, `train` and `evaluate` take the recommended recipe, or the configs of `--bundle_root`, which hold their own.

    Args:
        command: a key of `RUNS`, or `check`.
        arguments: of the user.

    Raises:
        ValueError: a config file is not found, or an argument has no name.

    Example:
        >>> arguments = monai_arguments("train", ["--args_file", "tiny", "--seed", "3"])
        >>> arguments[0], arguments[-2:], [Path(name).name for name in parse_arguments(arguments[1:])["config_file"]]
        ('run', ['--seed', '3'], ['train.json', 'tiny.yaml', 'lgmvit.yaml'])
    """
    given, rest = parse_arguments(arguments), _without_files(arguments)
    root = Path(given["bundle_root"]).absolute() if given.get("bundle_root") else bundle_root()
    # results go where the user stands, not beside the installed configs
    asked = {"bundle_root": ".", **_recipe(command, given, root), **given}
    named = asked.get("config_file") or _own_config(command, given)
    names = _completed(command, list(ensure_tuple(named)), list(ensure_tuple(asked.get("+config_file", ()))))
    files = [_found(name, root) for name in names]
    options = [f"--{name}={value!r}" for name, value in asked.items() if name not in given and name not in _FILES]
    return ["run", f"--config_file={files!r}", *options, *rest]


def _recipe(command: str, given: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return the content of the args file that was named, or of the default one where no other configs were."""
    name = given.get("args_file")
    if not name and command != "infer" and not {"bundle_root", "config_file"} & given.keys():
        name = _PLAIN_RECIPE if command == "pretrain" else _RECIPE
    return dict(ConfigParser.load_config_file(_found(_args_file(name), root))) if name else {}


def _own_config(command: str, given: Mapping[str, Any]) -> str:
    """Return the config of a bundle that holds its own recipe."""
    if command != "infer":
        return _TRAIN
    if not given.get("bundle_root"):
        raise ValueError("--bundle_root must be the folder of an unpacked bundle, got nothing: name the one to use.")
    return _INFER


def _completed(command: str, names: list[str], overlays: list[str]) -> list[str]:
    """Return all config files of a command, so that an evaluation is one even if its own file was not named."""
    bases = {Path(name).name for name in [*names, *overlays]}
    if command == "train" and Path(_EVALUATE).name in bases:
        raise ValueError(f"{_EVALUATE} must be left to `lgm-vit evaluate`, got it in a training: use that command.")
    own = {"evaluate": _EVALUATE, "pretrain": _PRETRAIN}.get(command, "")
    missing = [own] if own and Path(own).name not in bases else []
    # what a pretraining leaves out must be taken from the overlays too
    return [*names, *overlays, *missing] if command == "pretrain" else [*names, *missing, *overlays]


def _args_file(name: str) -> str:
    """Return the file of a recipe that is named alone: `tiny` is configs/args/tiny.json."""
    return name if Path(name).suffix else f"configs/args/{name}.json"


def _found(name: str, root: Path) -> str:
    for path in (Path(name), root / name, bundle_root() / name):
        if path.is_file():
            return str(path.absolute())
    raise ValueError(f"{name} must be a config file here or in {root}, got no such file: correct its name.")


def located(argument: str) -> str:
    """Return the path of a config file of this bundle that is not found from here; every other argument as it is.

    Example:
        >>> located("DATA"), Path(located("configs/train.json")).name
        ('DATA', 'train.json')
    """
    own = bundle_root() / argument
    return str(own) if argument.startswith("configs/") and not Path(argument).exists() and own.exists() else argument


def _without_files(arguments: Sequence[str]) -> list[str]:
    """Return the arguments but those that name config files."""
    kept, name, takes_value = [], "", False
    for argument in arguments:
        if is_name(argument):
            name, takes_value = argument.lstrip("-").partition("=")[0], "=" not in argument
        elif not takes_value:
            raise ValueError(f"{argument} must follow a name, as in --dataset_dir DATA, got it alone: name it.")
        else:
            takes_value = False
        if name not in _FILES:
            kept.append(argument)
    return kept


def help_text(command: str, line: str) -> str:
    """Return the help of a run.

    Example:
        >>> print(help_text("train", "Train.").splitlines()[0])
        usage: lgm-vit train [--dataset_dir DATA] [--output_dir FOLDER] [--KNOB VALUE ...]
    """
    return "\n".join(
        [
            f"usage: lgm-vit {command} [--dataset_dir DATA] [--output_dir FOLDER] [--KNOB VALUE ...]",
            "",
            line,
            "",
            "  --args_file     recipe: tiny, recommended, base16, evaluate_tiny ..., or a JSON file",
            "  --config_file   config files instead, as a list: \"['configs/train.json','configs/sizes/tiny.yaml']\"",
            "  --+config_file  overlays to add, as a list",
            "  --bundle_root   folder of an unpacked bundle, whose configs are used",
            "",
            "Every other option is a knob; `lgm-vit knobs` lists them, `lgm-vit knobs NAME` explains one.",
        ]
    )
