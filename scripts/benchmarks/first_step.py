"""A handler that ends a run when its first step has ended."""

from __future__ import annotations

import os

from ignite.engine import Engine, Events


class FirstStep:
    """Leaves the process after the first iteration, as if killed: nothing of the end is timed."""

    def attach(self, engine: Engine) -> None:
        """Wait for the first iteration of the trainer."""
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=1), self)

    def __call__(self, engine: Engine) -> None:
        """End the process."""
        os._exit(0)
