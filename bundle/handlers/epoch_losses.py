"""Losses of an epoch, averaged on the device."""

from __future__ import annotations

from collections.abc import Sequence

import ignite.distributed as idist
from ignite.engine import Engine, Events
from torch import Tensor

_LOSSES = ("loss", "classification_loss", "segmentation_loss", "localization_loss")


class EpochLosses:
    """Averages the losses of `state.output` over an epoch and puts them into `state.metrics`.

    Sums stay on the device, so that no iteration waits for it; the numbers are read once, when the epoch ends. With
    several processes they are the mean over all of them.

    Args:
        names: entries of `state.output` to average; those an engine does not have are left out.

    Example:
        >>> import torch
        >>> engine = Engine(lambda engine, batch: {"loss": torch.tensor(float(batch))})
        >>> EpochLosses().attach(engine)
        >>> engine.run([1, 3]).metrics
        {'loss': 2.0}
    """

    def __init__(self, names: Sequence[str] = _LOSSES) -> None:
        self.names = tuple(names)
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def attach(self, engine: Engine) -> None:
        """Average over every epoch of `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def start(self, engine: Engine) -> None:
        """Forget the last epoch."""
        self._sums, self._count = {}, 0

    def add(self, engine: Engine) -> None:
        """Add this iteration."""
        self._count += 1
        for name in self.names:
            if name in engine.state.output:
                # Ignite's Average sums in float64: its means differ from those of earlier runs in the last digits.
                value = engine.state.output[name].detach().float()
                self._sums[name] = self._sums[name] + value if name in self._sums else value

    def finish(self, engine: Engine) -> None:
        """Write the averages into `state.metrics`."""
        for name, total in self._sums.items():
            # all_reduce sums in place: `total / count` is a tensor of its own
            engine.state.metrics[name] = float(idist.all_reduce(total / self._count) / idist.get_world_size())
