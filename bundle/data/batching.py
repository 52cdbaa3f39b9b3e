"""The batches of an epoch, the same for every process that trains together, shared among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from bundle.data.balanced_order import BalancedOrder
from bundle.data.batch_order import BatchOrder
from bundle.data.scan_order import ScanOrder
from bundle.data.sequential_order import SequentialOrder
from bundle.data.shuffle_order import ShuffleOrder
from bundle.data.slice_index import SliceIndex

_ORDERS: dict[str, Callable[[float | None], BatchOrder]] = {
    "scan": ScanOrder,
    "shuffle": ShuffleOrder,
    "balanced": BalancedOrder,
    "sequential": SequentialOrder,
}


class LabeledSlices(Protocol):
    """A data set, as far as batches are concerned."""

    @property
    def labels(self) -> NDArray[np.int16]:
        """(n,) class of every slice."""

    @property
    def case_of_slice(self) -> NDArray[np.int32]:
        """(n,) number of every slice's case."""


class SliceBatchSampler(Sampler[list[SliceIndex]]):
    """Yields the batches of this process; what they hold is a pure function of (seed, epoch).

    Every process computes the same batches and takes every `world_size`-th slice of each, so the sum over processes is
    what one process would see. A process that a short batch leaves nothing gets one slice marked as ignored; all
    processes make the same number of steps.

    Args:
        dataset: has `labels` and `case_of_slice`.
        batch_order: `"scan"`, `"shuffle"`, `"balanced"`, `"sequential"`, or a `BatchOrder`.
        batch_size: slices per step over all processes.
        seed: of the order.
        rank: number of this process.
        world_size: number of processes.
        min_last_fraction: see the named order; None for an order that is an object.

    Raises:
        ValueError: an unknown order, or numbers out of range.

    Example:
        >>> class Slices:
        ...     labels, case_of_slice = np.zeros(3), np.zeros(3)
        >>> sampler = SliceBatchSampler(Slices(), "sequential", batch_size=2, rank=1, world_size=2)
        >>> [[(one.index, one.ignored) for one in batch] for batch in sampler]
        [[(1, False)], [(2, True)]]
    """

    def __init__(
        self,
        dataset: LabeledSlices,
        batch_order: str | BatchOrder,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        min_last_fraction: float | None = None,
    ) -> None:
        if batch_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                f"Expected batch_size >= 1 and 0 <= rank < world_size but got batch_size {batch_size}, rank {rank} "
                f"and world_size {world_size}."
            )
        self.dataset = dataset
        self.batch_order = _order(batch_order, min_last_fraction=min_last_fraction)
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 1
        self._length: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Order the slices for this epoch, counted from 1."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of an epoch, the same in each."""
        if self._length is None:
            self._length = len(self._batches())
        return self._length

    def __iter__(self) -> Iterator[list[SliceIndex]]:
        epoch = self.epoch
        for batch in self._batches():
            mine = batch[self.rank :: self.world_size].tolist()
            if mine:
                yield [SliceIndex(position, epoch) for position in mine]
            else:
                yield [SliceIndex(int(batch[0]), epoch, ignored=True)]

    def _batches(self) -> list[NDArray[np.int64]]:
        generator = np.random.default_rng((self.seed, self.epoch))
        return self.batch_order(self.dataset.labels, self.dataset.case_of_slice, self.batch_size, generator)


def _order(batch_order: str | BatchOrder, *, min_last_fraction: float | None) -> BatchOrder:
    if not isinstance(batch_order, str):
        if min_last_fraction is not None:
            raise ValueError("Expected `min_last_fraction` only with a named order: give it to the order object.")
        return batch_order
    if batch_order not in _ORDERS:
        raise ValueError(f"Expected `batch_order` to be one of {sorted(_ORDERS)} or an object but got {batch_order!r}.")
    return _ORDERS[batch_order](min_last_fraction)
