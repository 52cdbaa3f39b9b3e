"""What a run was and what came out, small enough for a repository: no folder of this machine, no patient."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.run import as_argument
from bundle.files import read_json
from bundle.workflow.command_line import parse_value

STAND_INS = {"dataset_dir": "data", "cache_dir": "cache"}
"""Folder of the data -> its name in a record; `output_dir` becomes the place under `runs`."""


def copy_records(folders: Sequence[Path], root: Path, target: Path) -> None:
    """Copy `config.json`, `run.json` and `metrics.json` of finished runs to the same places under another folder.

    Config and record name `data`, `cache` and `runs/...` instead of this machine's folders; with `--dataset_dir` and
    `--output_dir` the config runs again anywhere, if it named no case. What names cases (`predictions.csv`,
    `split.json`, a split file, a list of supervised cases, of which the number is kept) stays behind, as do weights and
    logs; the hash in `run.json` tells whether a split is the same.

    Args:
        folders: of the runs, below `root`.
        root: where the runs are.
        target: made if missing; a file that is there is replaced.

    Raises:
        FileNotFoundError: a run is not evaluated.

    Example:
        >>> copy_records([], Path("runs"), Path("records"))
    """
    for folder in folders:
        place = folder.relative_to(root)
        (target / place).mkdir(parents=True, exist_ok=True)
        (target / place / "metrics.json").write_bytes((folder / "metrics.json").read_bytes())
        config, record = (read_json(folder / name) for name in ("config.json", "run.json"))
        stand_ins = stand_ins_of(config) | {config["output_dir"]: (Path("runs") / place).as_posix()}
        record["command"][0] = "monai.bundle"
        for name, content in (("config.json", config), ("run.json", record)):
            (target / place / name).write_text(json.dumps(replaced(content, stand_ins), indent=2) + "\n")


def stand_ins_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return what is private in a config, as on a command line -> what a record says instead."""
    found = {as_argument(config[name]): text for name, text in STAND_INS.items() if name in config}
    split_file, cases = config.get("split_file"), config.get("supervised_cases")
    if split_file and not str(split_file).startswith(("@", "$")):
        found[as_argument(split_file)] = "split.json"
    if cases and isinstance(cases, list):
        found[as_argument(cases)] = f"{len(cases)} named cases"
    return found


def replaced(content: Any, stand_ins: Mapping[str, str]) -> Any:
    """Return the content with everything private replaced, be it a value or a word of a command line."""
    value = parse_value(content) if isinstance(content, str) else content
    word = as_argument(list(value) if isinstance(value, tuple) else value)
    if word in stand_ins:
        return stand_ins[word]
    if isinstance(content, dict):
        return {key: replaced(value, stand_ins) for key, value in content.items()}
    return [replaced(value, stand_ins) for value in content] if isinstance(content, list) else content
