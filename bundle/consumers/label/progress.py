"""Progress and outcome of a training, in the words that clients of MONAI Label read."""

from __future__ import annotations

import logging
import os
import shutil
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from ignite.engine import Engine

from bundle.consumers.label.model_versions import is_held
from bundle.files import read_json, write_json

logger = logging.getLogger(__name__)
_FILE = "stats.json"


def work_folder(root: str | os.PathLike[str]) -> Path:
    """Return the folder of checkpoints, records and progress of a training; it is emptied when one starts.

    Example:
        >>> work_folder("lgm_vit").as_posix()
        'lgm_vit/runs/label'
    """
    return Path(root) / "runs" / "label"


def training_stats(root: str | os.PathLike[str]) -> dict[str, Any]:
    """Return how far the training of a bundle is, or what came out of the last one; empty where there was none.

    `epoch`, `total_epochs`, `best_metric` and at the end `total_time` are what 3D Slicer shows. `status` is "running",
    "done", "failed", with the `reason`, or "stopped" where the process was killed.

    Example:
        >>> training_stats("no/bundle")
        {}
    """
    stats: dict[str, Any] = read_json(work_folder(root) / _FILE, {})
    if stats.get("status") == "running" and not is_held(root):
        stats |= {"status": "stopped", "reason": "the process ended; the model in use is the one it was"}
    return stats


class Progress:
    """Writes the progress of a training, and tells the log how it ended.

    Args:
        root: folder of the bundle.
        key_metric: score that chooses the best epoch.

    Example:
        >>> import tempfile
        >>> root = tempfile.mkdtemp()
        >>> Progress(root, "f1").fail("no labels", ValueError("no labels"))
        >>> training_stats(root)["status"], training_stats(root)["reason"]
        ('failed', 'no labels')
    """

    def __init__(self, root: Path | str, key_metric: str) -> None:
        self.work, self.started = work_folder(root), time.time()
        shutil.rmtree(self.work, ignore_errors=True)
        self.stats: dict[str, Any] = {"status": "running", "start_ts": int(self.started), "epoch": 0}
        self.stats |= {"key_metric": key_metric}
        self._write()

    def follow(self, trainer: Engine, validator: Engine) -> None:
        """Note an epoch.

        Args:
            trainer: engine that completed it.
            validator: engine that knows the best one.
        """
        state, best = trainer.state, validator.state
        self.stats |= {"epoch": state.epoch, "total_epochs": state.max_epochs, "best_metric": best.best_metric}
        self.stats |= {"best_epoch": best.best_metric_epoch}
        self._write()

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Note and tell what came out.

        Args:
            outcome: scores of the new model and of the one in use before, and what became of them.
        """
        passed = str(timedelta(seconds=int(time.time() - self.started)))
        self.stats |= {"status": "done", "total_time": passed, **outcome}
        self._write()
        logger.info(
            f"{outcome['metric']} on the slices of {outcome['patients']['val']} validation patients: new model "
            f"{outcome['new']:.4f}, model in use {outcome['in_use']:.4f}. "
            + (
                f"The new model is in use, as version {outcome['version']}."
                if outcome["replaced"]
                else "The new model is worse and is not used."
            )
        )

    def fail(self, reason: str, error: BaseException) -> None:
        """Note the reason, and the traceback in `error.log`; a full disk may keep them from being written.

        Args:
            reason: in a line or a few.
            error: the cause.
        """
        self.stats |= {"status": "failed", "reason": reason}
        with suppress(OSError):
            self._write()
            trace = "".join(traceback.format_exception(error))
            (self.work / "error.log").write_text(trace, encoding="utf-8")

    def _write(self) -> None:
        write_json(self.work / _FILE, self.stats)
