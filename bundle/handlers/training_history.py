"""`history.csv` of a run, one row an epoch, and its curves: written by a handler, read by tables and searches."""

from __future__ import annotations

import csv
import math
import time
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.engines import Evaluator

from bundle.files import write_csv
from bundle.reports import training_curves, write_picture

_HISTORY_FILE = "history.csv"
_PAUSE_S = 60.0
"""Between two drawings of the curves."""


class TrainingHistory:
    """Writes `<output_dir>/history.csv`: losses, validation scores, learning rate and seconds of every epoch.

    `curves.png` beside it shows losses and scores; drawing takes half a second, so it is drawn once a minute at most,
    and when training ends. The learning rate is in `state.learning_rate` too, for TensorBoard.

    The file is replaced by a rename after each epoch. The first epoch of a process removes its own row and later ones:
    a fresh start begins an empty history, and a resumed run writes again the row of an epoch that no checkpoint holds.
    So a killed and resumed run has the rows of an uninterrupted one, but for the seconds. Attach it after validation.

    Columns: `epoch` from 1 on, `max_epochs`, `learning_rate` during the epoch, `seconds` of training and validation,
    then the trainer's metrics (losses) and the validator's (scores). Cells are empty where an epoch was not validated
    or a score is undefined.

    Args:
        output_dir: folder of the run.
        validator: evaluator whose metrics join the row of an epoch that it validated; None for none.
        write: False on all ranks but the first.

    Example:
        >>> import tempfile
        >>> folder, engine = tempfile.mkdtemp(), Engine(lambda engine, batch: None)
        >>> TrainingHistory(folder).attach(engine)
        >>> _ = engine.run([0], max_epochs=2)
        >>> [row["epoch"] for row in read_history(folder)]
        [1.0, 2.0]
    """

    def __init__(self, output_dir: str | Path, validator: Evaluator | None = None, write: bool = True) -> None:
        self.file = Path(output_dir) / _HISTORY_FILE
        self.validator = validator
        self.write = write
        self._rows: list[dict[str, Any]] | None = None
        self._started = 0.0
        self._drawn = 0.0

    def attach(self, engine: Engine) -> None:
        """Follow the trainer."""
        if self.write:
            engine.add_event_handler(Events.EPOCH_STARTED, self.start)
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)
            engine.add_event_handler(Events.COMPLETED, self.draw)

    def start(self, engine: Engine) -> None:
        """Note time and learning rate; in the first epoch of a process drop the rows that will be written again."""
        self._started = time.monotonic()
        optimizer = getattr(engine, "optimizer", None)
        engine.state.learning_rate = optimizer.param_groups[0]["lr"] if optimizer else None
        if self._rows is None:
            self._rows = [row for row in _read_rows(self.file) if int(row["epoch"]) < engine.state.epoch]
            self._save()
            self._drawn = self._started

    def __call__(self, engine: Engine) -> None:
        """Write the row of this epoch."""
        row = {
            "epoch": engine.state.epoch,
            "max_epochs": engine.state.max_epochs,
            "learning_rate": engine.state.learning_rate,
            "seconds": round(time.monotonic() - self._started, 3),
            **engine.state.metrics,
            **self._validation_scores(engine.state.epoch),
        }
        self._rows = [*(self._rows or []), row]
        self._save()
        if time.monotonic() - self._drawn >= _PAUSE_S:
            self.draw(engine)

    def draw(self, engine: Engine) -> None:
        """Draw the curves of all epochs so far, the best one marked."""
        self._drawn = time.monotonic()
        best = getattr(self.validator.state, "best_metric_epoch", None) if self.validator else None
        write_picture(self.file.with_name("curves.png"), training_curves(read_history(self.file.parent), best))

    def _validation_scores(self, epoch: int) -> dict[str, Any]:
        if self.validator is None or self.validator.state.epoch != epoch:
            return {}  # MONAI gives the validator the trainer's epoch; an older one is an older validation
        return self.validator.state.metrics

    def _save(self) -> None:
        if self._rows:
            write_csv(self.file, self._rows)
        else:
            self.file.unlink(missing_ok=True)


def read_history(output_dir: str | Path) -> list[dict[str, float]]:
    """Return column -> number for each epoch of a run, without empty cells; nothing where there is no history.

    Runs of version 0.1 have none.

    Raises:
        ValueError: the file is no history.

    Example:
        >>> read_history("not/there")
        []
    """
    file = Path(output_dir) / _HISTORY_FILE
    try:
        rows = [{name: float(cell) for name, cell in row.items() if cell} for row in _read_rows(file)]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: cells must be numbers, got {error}: restore or remove the file.") from error
    return [{name: value for name, value in row.items() if not math.isnan(value)} for row in rows]


def _read_rows(file: Path) -> list[dict[str, Any]]:
    """Return the cells as text, so that a row that is kept is written again digit by digit."""
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    if not all((row.get("epoch") or "").isdecimal() for row in rows):
        raise ValueError(f"{file}: every row must have the number of its epoch: restore or remove the file.")
    return rows
