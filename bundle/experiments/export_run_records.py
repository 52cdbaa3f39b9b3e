"""Records of finished runs for a repository, without local folders and patients."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.run import as_argument
from bundle.files import read_json
from bundle.keys import START_WEIGHTS
from bundle.workflow.command_line import parse_value

_STAND_INS = {"dataset_dir": "data", "cache_dir": "cache"}
"""Words of a record in place of this machine's folders; `output_dir` becomes a folder under `runs`."""
_OF_SCANS = "input_profile"
"""Entry of `metrics.json` that tells of the training scans themselves; packing needs it, a table does not."""


def export_run_records(folders: Sequence[Path], root: Path, target: Path) -> None:
    """Copy `config.json`, `run.json` and `metrics.json` of finished runs to the same places under another folder.

    Config and record name `data`, `cache` and `runs/...` instead of this machine's folders; with `--dataset_dir` and
    `--output_dir` the config runs again anywhere, if it named no case. What names cases (`predictions.csv`,
    `split.json`, a split file, a list of supervised cases, of which the number is kept) stays behind, as do weights and
    logs, and the profile of the training scans in `metrics.json`; the hash in `run.json` tells whether a split is the
    same.

    Args:
        folders: of the runs, below `root`.
        root: where the runs are.
        target: made if missing; existing files are replaced.

    Raises:
        FileNotFoundError: a run is not evaluated.

    Example:
        >>> export_run_records([], Path("runs"), Path("records"))
    """
    for folder in folders:
        place = folder.relative_to(root)
        (target / place).mkdir(parents=True, exist_ok=True)
        metrics = {name: value for name, value in read_json(folder / "metrics.json").items() if name != _OF_SCANS}
        config, record = (read_json(folder / name) for name in ("config.json", "run.json"))
        stand_ins = _private_words(config, root) | {config["output_dir"]: (Path("runs") / place).as_posix()}
        record["command"][0] = "monai.bundle"
        contents = {"config.json": _replaced(config, stand_ins), "run.json": _replaced(record, stand_ins)}
        for name, content in {**contents, "metrics.json": metrics}.items():
            (target / place / name).write_text(json.dumps(content, indent=2) + "\n")


def _run_in_records(weights: Path, root: Path) -> str:
    """Return where the weights of a run lie beside the records, of another run their name alone."""
    inside = weights.resolve().is_relative_to(root.resolve())
    return (Path("runs") / weights.resolve().relative_to(root.resolve())).as_posix() if inside else weights.name


def _private_words(config: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Return the private values of a config, as on a command line -> their words in a record."""
    words = {as_argument(config[name]): text for name, text in _STAND_INS.items() if name in config}
    split_file, cases = config.get("split_file"), config.get("supervised_cases")
    for name in START_WEIGHTS:
        if file := config.get(name):
            words |= dict.fromkeys(map(as_argument, (file, Path(file).absolute())), _run_in_records(Path(file), root))
    if split_file and not str(split_file).startswith(("@", "$")):
        words[as_argument(split_file)] = "split.json"
    if cases and isinstance(cases, list):
        words[as_argument(cases)] = f"{len(cases)} named cases"
    return words


def _replaced(content: Any, stand_ins: Mapping[str, str]) -> Any:
    """Return the content with everything private replaced, be it a value or a word of a command line."""
    value = parse_value(content) if isinstance(content, str) else content
    word = as_argument(list(value) if isinstance(value, tuple) else value)
    if word in stand_ins:
        return stand_ins[word]
    if isinstance(content, dict):
        return {key: _replaced(value, stand_ins) for key, value in content.items()}
    return [_replaced(value, stand_ins) for value in content] if isinstance(content, list) else content
