"""What defends the numbers of a table, small enough for a repository and without this machine's folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

AS_THEY_ARE = ("metrics.json", "predictions.csv", "split.json")
STAND_INS = {"dataset_dir": "data", "cache_dir": "cache"}
"""What a record says instead of this machine's folders; `output_dir` becomes the place under `runs`."""


def copy_records(folders: Sequence[Path], root: Path, target: Path) -> None:
    """Copy the records of finished runs to the same places under another folder.

    `config.json` and `run.json` name `data`, `cache` and `runs/...` instead of this machine's folders; with
    `--dataset_dir` and `--output_dir` the config runs again anywhere. Weights, logs and curves stay behind, so tables
    can be made of the copies, pictures cannot.

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
        for name in AS_THEY_ARE:
            (target / place / name).write_bytes((folder / name).read_bytes())
        config, record = (json.loads((folder / name).read_text()) for name in ("config.json", "run.json"))
        stand_ins = {config[name]: text for name, text in STAND_INS.items() if name in config}
        stand_ins[config["output_dir"]] = (Path("runs") / place).as_posix()
        record["command"][0] = "monai.bundle"
        for name, content in (("config.json", config), ("run.json", record)):
            (target / place / name).write_text(json.dumps(replaced(content, stand_ins), indent=2) + "\n")


def replaced(content: Any, stand_ins: dict[str, str]) -> Any:
    """Return the content with every text that is one of the folders replaced."""
    if isinstance(content, dict):
        return {key: replaced(value, stand_ins) for key, value in content.items()}
    if isinstance(content, list):
        return [replaced(value, stand_ins) for value in content]
    return stand_ins.get(content, content) if isinstance(content, str) else content
