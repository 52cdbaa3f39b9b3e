"""Time and memory of a training, estimated after its first steps."""

from __future__ import annotations

import logging
import sys
import time

import torch
from ignite.engine import Engine, Events
from monai.engines import Evaluator

_WARM_UP = 5
"""Steps that are slower than the others: kernels are chosen, buffers are made."""
_VALIDATION_COST = 1 / 3
"""Time of a validation batch in that of a training batch: forward without backward."""


class RunEstimate:
    """Says once, after the first steps, how long the training will take and how much memory it needs.

    Args:
        validator: its batches count a third of a training batch; None for none.
        interval: epochs from one validation to the next.
        steps: of this process, after which the estimate is made; the first five do not count.
        show: False on all ranks but the first.

    Example:
        >>> engine = Engine(lambda engine, batch: None)
        >>> RunEstimate(show=False).attach(engine)
    """

    def __init__(
        self, validator: Evaluator | None = None, interval: int = 1, steps: int = 20, show: bool = True
    ) -> None:
        self.validator = validator
        self.interval = interval
        self.steps = steps
        self.show = show
        self._done = 0
        self._first_epoch = 1
        self._warm = (0.0, 0.0)  # seconds, batches

    def attach(self, engine: Engine) -> None:
        """Count the steps of the trainer."""
        if self.show:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Count this step; nothing here waits for the device."""
        self._done += 1
        if self._done == 1:
            self._first_epoch = engine.state.epoch
        if self._done == _WARM_UP:
            self._warm = time.monotonic(), self._batches(engine.state.iteration, engine.state.epoch - 1)
        if self._done == self.steps:
            logging.getLogger(__name__).info(f"Estimate after {self.steps} steps: {self.text(engine)}.")

    def text(self, engine: Engine) -> str:
        """Return time for the epochs of this process, and memory so far."""
        state, before = engine.state, self._first_epoch - 1
        measured = self._batches(state.iteration, state.epoch - 1) - self._warm[1]
        seconds_a_batch = (time.monotonic() - self._warm[0]) / measured
        total = self._batches(state.max_epochs * state.epoch_length, state.max_epochs)
        total -= self._batches(before * state.epoch_length, before)
        memory = _memory_gb(getattr(state, "device", None))
        return f"about {_duration(total * seconds_a_batch)} for {state.max_epochs - before} epochs" + (
            f", {memory:.1f} GB of memory" if memory else ""
        )

    def _batches(self, iterations: int, epochs: int) -> float:
        """Return the training batches that iterations and the validations of whole epochs are worth."""
        validation = (getattr(self.validator.state, "epoch_length", None) or 0) if self.validator else 0
        return iterations + epochs // self.interval * validation * _VALIDATION_COST


def _duration(seconds: float) -> str:
    """Return a time in the unit that a person would use."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"


def _memory_gb(device: torch.device | None) -> float | None:
    """Return the most memory so far, of the GPU or of this process; None where Python cannot tell (Windows)."""
    if device is not None and device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 1e9
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
