"""Moving average of the weights, optional."""

from __future__ import annotations

from ignite.engine import Engine
from ignite.handlers import EMAHandler
from torch import nn


class WeightAverage:
    """Keeps an exponential moving average of a network's weights: Ignite's `EMAHandler`, or nothing.

    After n steps the start values are (1 - momentum)^n of it, so it lags in the first 3 / momentum steps.

    Args:
        network: the trained one.
        momentum: share of the new weights at each step, or None for no average.

    Raises:
        ValueError: from Ignite, if the momentum is not between 0 and 1.

    Example:
        >>> network = nn.Linear(2, 1)
        >>> WeightAverage(network).network_to_save is network
        True
        >>> WeightAverage(network, momentum=0.01).network_to_save is network
        False
    """

    def __init__(self, network: nn.Module, momentum: float | None = None) -> None:
        self.network = network
        self.handler = None if momentum is None else EMAHandler(network, momentum)

    @property
    def network_to_save(self) -> nn.Module:
        """The network that is validated and saved: the average, or the trained one itself."""
        return self.network if self.handler is None else self.handler.ema_model

    @property
    def kept(self) -> nn.Module:
        """The same: name in records of version 0.1."""
        return self.network_to_save

    def attach(self, engine: Engine) -> None:
        """Update the average after every iteration of the trainer."""
        if self.handler is not None:
            self.handler.attach(engine)


class UpdateWeightAverage:
    """Handler that updates a named `WeightAverage`, so that a config reaches the average by its name and not its place.

    Args:
        average: also names the network that is validated and saved.

    Example:
        >>> UpdateWeightAverage(WeightAverage(nn.Linear(2, 1))).attach(Engine(lambda engine, batch: None))
    """

    def __init__(self, average: WeightAverage) -> None:
        self.average = average

    def attach(self, engine: Engine) -> None:
        """Update the average after every iteration of the trainer."""
        self.average.attach(engine)
