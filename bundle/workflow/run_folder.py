"""The folder of a training: held by one process, without what a killed one left."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import filelock

from bundle.files import remove_parts
from bundle.networks import read_foreign_weights, read_weights
from bundle.workflow.allowed import is_open
from bundle.workflow.command_line import CommandLine
from bundle.workflow.last_line import keep_errors_in
from bundle.workflow.provenance import now
from bundle.workflow.run_record import RunRecord
from bundle.workflow.teacher import require_same_slices
from bundle.workflow.trained_settings import require_same_network

_LOCK = ".lock"
_WEIGHTS = {"initial_weights": read_weights, "pretrained": read_foreign_weights, "teacher": read_weights}
_FITS = {"initial_weights": require_same_network, "teacher": require_same_slices}
_held: dict[Path, IO[str]] = {}
"""Folder -> open lock file; the lock ends with the process, however that ends."""


def hold_run_folder(
    output_dir: str | Path, model_dir: str | Path, write: bool = True, argv: Sequence[str] | None = None
) -> None:
    """Take the folder of a training for this process; the first entry of `run`, before any case is read.

    Settings are compared with the record in the folder, and the weights that training starts from are read. Then the
    folder is locked, parts of files that a killed process left are removed, and errors are written down there. Outside
    of `python -m monai.bundle run` nothing happens.

    Args:
        output_dir: of the run.
        model_dir: of its weights.
        write: False on all ranks but the first.
        argv: as in `sys.argv`, which is the default.

    Raises:
        FileNotFoundError: there is no file of `initial_weights`, `pretrained` or `teacher`.
        ValueError: the folder holds a run of other settings, or the file holds no weights, or those of another network
            or of other slices.
        RuntimeError: another process trains in it.

    Example:
        >>> hold_run_folder("runs/example", "runs/example", argv=["pytest"])
    """
    command_line = CommandLine.read(argv)
    if command_line is None or not write:
        return
    config = command_line.merged()
    RunRecord(output_dir).require_same_run(command_line)
    is_resumed = config["resume"] is True and (Path(model_dir) / "checkpoint.pt").exists()
    _require_weights(config, ["teacher"] if is_resumed else list(_WEIGHTS))  # a teacher draws at every start
    for folder in dict.fromkeys((Path(output_dir).resolve(), Path(model_dir).resolve())):
        folder.mkdir(parents=True, exist_ok=True)
        _lock(folder)
        remove_parts(folder)
    keep_errors_in(output_dir)


def _require_weights(config: Mapping[str, Any], knobs: Sequence[str]) -> None:
    """Read the weights that a training needs, so that what is wrong with them is known before any work."""
    for name in knobs:
        if (file := config.get(name)) and not is_open(file):
            _WEIGHTS[name](file)
            if require_fit := _FITS.get(name):
                require_fit(file, config)


def _lock(folder: Path) -> None:
    if folder in _held:
        return
    file = (folder / _LOCK).open("a+", encoding="utf-8")
    try:
        is_free = filelock.lock_descriptor(file.fileno(), blocking=False)
    except OSError as error:  # some network file systems have no locks
        logging.getLogger(__name__).warning(f"{folder} cannot be locked ({error}): start one training in it at a time.")
        return
    if not is_free:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise RuntimeError(
            f"{folder} must be free for this training, got one at work in it ({holder}): wait for it, or choose "
            "another output_dir."
        )
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()} since {now()}\n")
    file.flush()
    _held[folder] = file


def _leave_to_parent() -> None:
    for file in _held.values():  # a worker that outlives its parent must not hold the folder
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
