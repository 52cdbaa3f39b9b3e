"""Progress bar of a whole run, with the time that is left."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from ignite.engine import Engine, Events
from monai.engines import Evaluator
from tqdm import tqdm

from bundle.handlers.out_of_memory import OutOfMemory

_LOSSES = ("loss", "classification_loss", "segmentation_loss", "localization_loss")


class RunProgress:
    """Shows how far a run is: a bar on a terminal, lines elsewhere (also in a log file), rank 0 only.

    There is a line per epoch, and one a minute within an epoch or validation. The time left counts the iterations of
    this run only, so it is right immediately after a resume and in every round of a federated client.

    Args:
        validator: the metrics of an epoch that it validated join the line; None for none.
        names: metrics to show, of trainer or validator.
        show: False on all ranks but the first.
        pause_s: seconds between two lines within an epoch.

    Raises:
        RuntimeError: on every rank, see `OutOfMemory`.

    Example:
        >>> engine = Engine(lambda engine, batch: None)
        >>> RunProgress(show=False).attach(engine)
    """

    def __init__(
        self,
        validator: Evaluator | None = None,
        names: Sequence[str] = (*_LOSSES, "validation_loss", "f1", "auroc"),
        show: bool = True,
        pause_s: float = 60.0,
    ) -> None:
        self.validator = validator
        self.names = tuple(names)
        self.show = show
        self.pause_s = pause_s
        self._bar: tqdm | None = None
        self._started: tuple[float, int] | None = None
        self._last_line = 0.0

    def attach(self, engine: Engine) -> None:
        """Follow the trainer."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self.fail)
        if not self.show:
            return
        if self.validator is not None:
            self.validator.add_event_handler(Events.ITERATION_COMPLETED, self.step_of_validation)
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.step)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.report)
        engine.add_event_handler(Events.COMPLETED, self.close)

    def start(self, engine: Engine) -> None:
        """Begin at the run's iteration, which after a resume is not 0."""
        if self._started is not None:
            return
        self._last_line = time.monotonic()
        self._started = (self._last_line, engine.state.iteration)
        if sys.stderr.isatty():
            total = engine.state.max_epochs * engine.state.epoch_length
            self._bar = tqdm(total=total, initial=engine.state.iteration, unit="batch", dynamic_ncols=True)

    def step(self, engine: Engine) -> None:
        """Move the bar by one iteration, or write a line once a minute."""
        if self._bar is not None:
            self._bar.update()
        elif self._is_time_for_a_line():
            state = engine.state
            batch = (state.iteration - 1) % state.epoch_length + 1
            self._write(
                f"epoch {state.epoch}/{state.max_epochs}, batch {batch}/{state.epoch_length}: "
                f"{self.time_left(engine)} left"
            )

    def step_of_validation(self, validator: Engine) -> None:
        """Write a line once a minute."""
        if self._bar is None and self._is_time_for_a_line():
            state = validator.state
            self._write(f"epoch {state.epoch}, validation batch {state.iteration}/{state.epoch_length}")

    def report(self, engine: Engine) -> None:
        """Show losses and scores of the epoch."""
        metrics = {**engine.state.metrics, **self._validation_scores(engine.state.epoch)}
        shown = ", ".join(f"{name} {metrics[name]:.4g}" for name in self.names if name in metrics)
        if self._bar is not None:
            self._bar.set_postfix_str(f"epoch {engine.state.epoch}, {shown}")
            return
        self._write(f"epoch {engine.state.epoch}/{engine.state.max_epochs}: {shown}, {self.time_left(engine)} left")

    def _validation_scores(self, epoch: int) -> Mapping[str, float]:
        """Return the scores of the epoch, nothing where the validator last saw an older one."""
        if self.validator is None or self.validator.state.epoch != epoch:
            return {}
        return self.validator.state.metrics

    def _is_time_for_a_line(self) -> bool:
        return self._started is not None and time.monotonic() - self._last_line >= self.pause_s

    def _write(self, line: str) -> None:
        logging.getLogger(__name__).info(line)
        self._last_line = time.monotonic()

    def time_left(self, engine: Engine) -> timedelta:
        """Return the time that the remaining iterations will take at this process's rate so far, in whole seconds."""
        started, first = self._started or (time.monotonic(), engine.state.iteration)
        done = engine.state.iteration - first
        remaining = engine.state.max_epochs * engine.state.epoch_length - engine.state.iteration
        return timedelta(seconds=round((time.monotonic() - started) / max(done, 1) * remaining))

    def close(self, engine: Engine) -> None:
        """Leave the terminal clean."""
        if self._bar is not None:
            self._bar.close()
        self._bar, self._started = None, None

    def fail(self, engine: Engine, error: BaseException) -> None:
        """Leave the terminal clean and hand the error on."""
        self.close(engine)
        OutOfMemory()(engine, error)
