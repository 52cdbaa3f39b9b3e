"""Handler that loads weights before an engine runs."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from bundle.networks import load_weights


class LoadWeights:
    """Loads a file of weights into a network when an engine starts; MONAI's `CheckpointLoader` in our words.

    Args:
        path: `model.pt`, or a `checkpoint.pt`, of which the network is taken.
        network: gets the weights.

    Raises:
        FileNotFoundError: at the start, there is no file.
        ValueError: at the start, it is damaged or of another network.

    Example:
        >>> LoadWeights("model.pt", nn.Linear(1, 1)).attach(Engine(lambda engine, batch: None))
    """

    def __init__(self, path: str | Path, network: nn.Module) -> None:
        self.path = Path(path)
        self.network = network

    def attach(self, engine: Engine) -> None:
        """Load when the engine starts."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the weights."""
        load_weights(self.network, self.path)
        engine.logger.info(f"Loaded the weights of {self.path}.")
