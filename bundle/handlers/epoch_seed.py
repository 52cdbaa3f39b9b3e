"""Random seed of every epoch, so that a resumed run repeats the uninterrupted one."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from ignite.engine import Engine, Events


class HasEpoch(Protocol):
    """Anything that orders its items anew in every epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Order the items for the given epoch, counted from 1."""


class EpochSeed:
    """At the start of every epoch, seeds torch (dropout, DropPath) and tells the loader which epoch it is.

    No random state needs to survive in a checkpoint: what an epoch draws depends on (seed, rank, epoch) alone.

    Args:
        loader: its batch order is set to the epoch.
        seed: the run's seed.
        rank: number of this process; ranks must not share dropout masks.

    Example:
        >>> class Loader:
        ...     def set_epoch(self, epoch): print("epoch", epoch)
        >>> engine = Engine(lambda engine, batch: float(torch.rand(())))
        >>> EpochSeed(Loader(), seed=1).attach(engine)
        >>> first = engine.run([0]).output
        epoch 1
        >>> first == engine.run([0]).output
        epoch 1
        True
    """

    def __init__(self, loader: HasEpoch, seed: int, rank: int = 0) -> None:
        self.loader = loader
        self.seed = seed
        self.rank = rank

    def attach(self, engine: Engine) -> None:
        """Seed at the start of every epoch of `engine`."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed this epoch."""
        epoch = engine.state.epoch
        state = np.random.SeedSequence((self.seed, self.rank, epoch)).generate_state(1, np.uint64)[0]
        torch.manual_seed(int(state >> 1))
        self.loader.set_epoch(epoch)
