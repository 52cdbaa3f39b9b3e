"""The table of knobs: every entry at the top of the base configs, with its role.

Code that needs a set of ids asks for roles, `names("place", "machine")`. Names, roles and help are in `knobs.yaml`
beside this file, defaults in the configs only. `docs/knobs.md` is made from both by `scripts/knobs.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from bundle.files import bundle_root
from bundle.workflow.allowed import Allowed

CONFIGS = bundle_root() / "configs"
COMMANDS = {
    "train": ("train.json",),
    "evaluate": ("train.json", "evaluate.json"),
    "infer": ("inference.json",),
    "train on several GPUs": ("train.json", "multi_gpu_train.json"),
    "pretrain": ("train.json", "pretrain.json"),
}
"""Command -> the base configs that it is given."""
BASES = tuple(dict.fromkeys(file for files in COMMANDS.values() for file in files))
ROLES = {
    "network": "Network and its input",
    "map": "Attribution map",
    "data": "Data",
    "split": "Split",
    "training": "Training",
    "evaluation": "Evaluation",
    "source": "Folders of the data",
    "place": "Folders of a run",
    "machine": "Machine",
    "run": "The call",
    "wiring": "Wiring",
}
"""Role -> title, in the order of the documentation."""
_INTRODUCTION = """# Knobs

Every entry at the top of the base configs, by role. Change one by `--NAME VALUE` on the command line or by a line
`NAME: VALUE` in an overlay. A misspelled name is refused. `python scripts/knobs.py NAME` prints an entry in a terminal.
This page is made by `python scripts/knobs.py --markdown > docs/knobs.md`.

A resumed run may change the folders, the machine, the call and the evaluation. An evaluation must have the network, map
and data of the training. "Component" is an object with a `_target_`; change its arguments by `NAME#ARGUMENT`.
"""


@dataclass(frozen=True)
class Knob:
    """An entry at the top of a base config.

    Args:
        name: its id.
        role: a key of `ROLES`.
        help: meaning, in a sentence or two.
        unit: of the value, if it has one.
        range: permitted values, for people.
        allowed: permitted values, for a machine.
        places: arguments that name a folder or a file of this machine.
        grid: values that a search tries by default.
    """

    name: str
    role: str
    help: str
    unit: str = ""
    range: str = ""
    allowed: Allowed = field(default_factory=Allowed)
    places: tuple[str, ...] = ()
    grid: tuple[float, ...] = ()

    def defaults(self) -> dict[str, Any]:
        """Return command -> default for the commands that accept it; other ways to train only where train does not."""
        configs = {command: _content(files) for command, files in COMMANDS.items()}
        main = ("train", "evaluate", "infer") if self.name in configs["train"] else configs
        return {command: configs[command][self.name] for command in main if self.name in configs[command]}

    def default_text(self) -> str:
        """Return the default, by command where training and inference differ."""
        shown = {command: _shown(value) for command, value in self.defaults().items()}
        if len(set(shown.values())) > 1:
            return "; ".join(f"{command}: {text}" for command, text in shown.items() if command != "evaluate")
        return next(iter(shown.values()), "")


@cache
def knobs() -> Mapping[str, Knob]:
    """Return name -> knob of the whole table.

    Example:
        >>> knobs()["patch_size"].role, knobs()["patch_size"].unit
        ('network', 'px')
    """
    table = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return {name: _knob(name, role, row) for role, rows in table.items() for name, row in rows.items()}


def _knob(name: str, role: str, row: Mapping[str, Any]) -> Knob:
    """Return the knob of a row; a frozen one holds tuples."""
    cells: dict[str, Any] = {key: tuple(cell) if isinstance(cell, list) else cell for key, cell in row.items()}
    limits = {limit.name: cells.pop(limit.name) for limit in fields(Allowed) if limit.name in cells}
    return Knob(name, role, **{"range": Allowed(**limits).text(), **cells}, allowed=Allowed(**limits))


def names(*roles: str) -> frozenset[str]:
    """Return the ids of some roles.

    Raises:
        ValueError: there is no such role.

    Example:
        >>> sorted(names("source")), "device" in names("place", "machine")
        (['cache_dir', 'dataset_dir'], True)
    """
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"roles must be some of {', '.join(ROLES)}, got {', '.join(sorted(unknown))}.")
    return frozenset(knob.name for knob in knobs().values() if knob.role in roles)


def is_plain(value: Any) -> bool:
    """Return whether a value of a config is neither an object nor an expression."""
    return not isinstance(value, dict | list) and not str(value).startswith(("$", "@"))


def plain_settings(config: Mapping[str, Any], *roles: str) -> dict[str, Any]:
    """Return the knobs of some roles that a config holds as plain values, in the order of the table.

    Example:
        >>> plain_settings({"beta": 0.5, "num_layers": 2, "attribution": {}}, "network", "map")
        {'num_layers': 2, 'beta': 0.5}
    """
    wanted = names(*roles)
    return {name: config[name] for name in knobs() if name in wanted and name in config and is_plain(config[name])}


def terminal_page(name: str | None = None) -> str:
    """Return a knob, or all, as text for a terminal.

    Raises:
        ValueError: no knob has this name; the nearest one is given.

    Example:
        >>> print(terminal_page("patch_size"))
        patch_size (Network and its input)
            Height and width of the patches that become tokens.
            default: 16; unit: px; range: a whole number that divides image_size; accepted by: train, evaluate, infer
    """
    if name is None:
        return "\n".join(map(terminal_page, knobs()))
    if name not in knobs():
        nearest = get_close_matches(name, knobs(), n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else "give none to list all."
        raise ValueError(f"NAME must be an entry at the top of the base configs, got {name!r}: {hint}")
    knob = knobs()[name]
    facts = {"default": knob.default_text(), "unit": knob.unit, "range": knob.range}
    facts["accepted by"] = ", ".join(knob.defaults())
    line = "; ".join(f"{title}: {text}" for title, text in facts.items() if text)
    return f"{name} ({ROLES[knob.role]})\n    {knob.help}\n    {line}"


def markdown_page() -> str:
    """Return `docs/knobs.md`."""
    return "\n".join([_INTRODUCTION, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for role, title in ROLES.items():
        yield f"## {title}\n\n| knob | meaning | default | unit | range | accepted by |\n|---|---|---|---|---|---|"
        for knob in knobs().values():
            if knob.role == role:
                default = f"`{knob.default_text()}`".replace("|", "\\|")
                commands = ", ".join(knob.defaults())
                yield f"| `{knob.name}` | {knob.help} | {default} | {knob.unit} | {knob.range} | {commands} |"
        yield ""


@cache
def _content(files: tuple[str, ...]) -> Mapping[str, Any]:
    return {key: value for file in files for key, value in ConfigParser.load_config_file(CONFIGS / file).items()}


def _shown(value: Any) -> str:
    """Return a default as a config writes it: the class of a component, nothing longer than a glance."""
    if isinstance(value, dict):
        return str(value.get("_target_", "component")).rpartition(".")[2]
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else "list" if isinstance(value, list) else "expression"
