"""Progress bar of a whole run, with the time that is left."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from ignite.engine import Engine, Events
from monai.engines import Evaluator
from tqdm import tqdm


class RunProgress:
    """Shows how far a run is: a bar on a terminal, a line per epoch elsewhere (also in a log file), rank 0 only.

    The time left counts the iterations of this run only, so it is right immediately after a resume and in every round
    of a federated client.

    Args:
        validator: its metrics join the line of an epoch; None for none.
        names: metrics to show, of trainer or validator.
        show: False on all ranks but the first.

    Example:
        >>> engine = Engine(lambda engine, batch: None)
        >>> RunProgress(show=False).attach(engine)
    """

    def __init__(
        self,
        validator: Evaluator | None = None,
        names: Sequence[str] = ("loss", "classification_loss", "localization_loss", "f1", "auroc"),
        show: bool = True,
    ) -> None:
        self.validator = validator
        self.names = tuple(names)
        self.show = show
        self._bar: tqdm | None = None
        self._started: tuple[float, int] | None = None

    def attach(self, engine: Engine) -> None:
        """Follow the trainer."""
        if not self.show:
            return
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.step)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.report)
        engine.add_event_handler(Events.COMPLETED, self.close)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self.fail)

    def start(self, engine: Engine) -> None:
        """Begin at the run's iteration, which after a resume is not 0."""
        if self._started is not None:
            return
        self._started = (time.monotonic(), engine.state.iteration)
        if sys.stderr.isatty():
            total = engine.state.max_epochs * engine.state.epoch_length
            self._bar = tqdm(total=total, initial=engine.state.iteration, unit="batch", dynamic_ncols=True)

    def step(self, engine: Engine) -> None:
        """Move the bar by one iteration."""
        if self._bar is not None:
            self._bar.update()

    def report(self, engine: Engine) -> None:
        """Show losses and scores of the epoch."""
        metrics = {**engine.state.metrics, **(self.validator.state.metrics if self.validator else {})}
        shown = ", ".join(f"{name} {metrics[name]:.4g}" for name in self.names if name in metrics)
        if self._bar is not None:
            self._bar.set_postfix_str(f"epoch {engine.state.epoch}, {shown}")
            return
        logging.getLogger(__name__).info(
            f"epoch {engine.state.epoch}/{engine.state.max_epochs}: {shown}, {self.time_left(engine)} left"
        )

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
        raise error
