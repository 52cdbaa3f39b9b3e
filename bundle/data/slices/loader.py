"""Batches of slices for an engine: the same for every process that trains together, shared among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from ignite import distributed as idist
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler

from bundle.data.slices.augmentation import SliceRequest
from bundle.data.slices.balanced_order import BalancedOrder
from bundle.data.slices.batch_order import BatchOrder, ScanOrder, SequentialOrder, ShuffleOrder
from bundle.data.slices.dataset import SliceDataset

_ORDERS: dict[str, Callable[[float | None], BatchOrder]] = {
    "scan": ScanOrder,
    "shuffle": ShuffleOrder,
    "balanced": BalancedOrder,
    "sequential": SequentialOrder,
}


class _LabeledSlices(Protocol):
    """A data set, as far as batches are concerned."""

    @property
    def labels(self) -> NDArray[np.int16]:
        """(n,) class of every slice."""

    @property
    def case_of_slice(self) -> NDArray[np.int32]:
        """(n,) number of every slice's case."""


class SliceBatchSampler(Sampler[list[SliceRequest]]):
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
        drawn: (n,) slices that batches are made of; None for all.

    Raises:
        ValueError: an unknown order, or numbers out of range.

    Example:
        >>> class Slices:
        ...     labels, case_of_slice = np.zeros(3), np.zeros(3)
        >>> sampler = SliceBatchSampler(Slices(), "sequential", batch_size=2, rank=1, world_size=2)
        >>> [[(request.index, request.ignored) for request in batch] for batch in sampler]
        [[(1, False)], [(2, True)]]
    """

    def __init__(
        self,
        dataset: _LabeledSlices,
        batch_order: str | BatchOrder,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        min_last_fraction: float | None = None,
        drawn: NDArray[np.bool_] | None = None,
    ) -> None:
        if batch_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                "batch_size must be at least 1 and rank from 0 to world_size - 1, got batch_size "
                f"{batch_size}, rank {rank} and world_size {world_size}: correct them."
            )
        self.dataset = dataset
        self.batch_order = _order(batch_order, min_last_fraction=min_last_fraction)
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.positions = np.arange(len(dataset.labels)) if drawn is None else np.flatnonzero(drawn)
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

    def __iter__(self) -> Iterator[list[SliceRequest]]:
        epoch = self.epoch
        for batch in self._batches():
            share = batch[self.rank :: self.world_size].tolist()
            if share:
                yield [SliceRequest(position, epoch) for position in share]
            else:
                yield [SliceRequest(int(batch[0]), epoch, ignored=True)]

    def _batches(self) -> list[NDArray[np.int64]]:
        generator = np.random.default_rng((self.seed, self.epoch))
        labels, cases = self.dataset.labels[self.positions], self.dataset.case_of_slice[self.positions]
        return [self.positions[batch] for batch in self.batch_order(labels, cases, self.batch_size, generator)]


def _order(batch_order: str | BatchOrder, *, min_last_fraction: float | None) -> BatchOrder:
    if not isinstance(batch_order, str):
        if min_last_fraction is not None:
            raise ValueError(
                "min_last_fraction must come with a named order, got an object: give it to the order object."
            )
        return batch_order
    if batch_order not in _ORDERS:
        raise ValueError(
            f"batch_order must be one of {sorted(_ORDERS)} or an object, got {batch_order!r}: choose one of them."
        )
    return _ORDERS[batch_order](min_last_fraction)


class SliceDataLoader(DataLoader[dict[str, Any]]):
    """A data loader whose batches depend on (seed, epoch) only, not on workers or what ran before.

    Making an iterator draws nothing from the global random state, so a resumed run stays the run it was.

    Args:
        dataset: makes whole batches.
        batch_order: `"scan"`, `"shuffle"`, `"balanced"`, `"sequential"`, or a `BatchOrder`.
        batch_size: slices per step over all processes.
        seed: of the order.
        num_workers: loading processes, kept over epochs; 0 loads in this one.
        pin_memory: None pins where there is a GPU.
        rank: number of this process; None asks `ignite.distributed`.
        world_size: number of processes; None asks `ignite.distributed`.
        min_last_fraction: see `ScanOrder` and `ShuffleOrder`.
        **options: of `torch.utils.data.DataLoader`.

    Raises:
        ValueError: see `SliceBatchSampler`.

    Example:
        >>> from bundle.data.slices.dataset import SliceDataset
        >>> len(SliceDataLoader(SliceDataset([], transform=sorted, cache_dir="not/made")))
        0
    """

    def __init__(
        self,
        dataset: SliceDataset,
        batch_order: str | BatchOrder = "sequential",
        batch_size: int = 32,
        seed: int = 0,
        num_workers: int = 0,
        pin_memory: bool | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        min_last_fraction: float | None = None,
        **options: Any,
    ) -> None:
        dataset.masks.draw()
        sampler = SliceBatchSampler(
            dataset,
            batch_order,
            batch_size,
            seed,
            rank=idist.get_rank() if rank is None else rank,
            world_size=idist.get_world_size() if world_size is None else world_size,
            min_last_fraction=min_last_fraction,
            drawn=dataset.drawn,
        )
        generator = torch.Generator().manual_seed(seed)
        settings: dict[str, Any] = {"persistent_workers": num_workers > 0, "generator": generator} | options
        super().__init__(
            dataset,
            batch_sampler=sampler,
            num_workers=num_workers,
            collate_fn=_whole_batch,
            pin_memory=torch.cuda.is_available() if pin_memory is None else pin_memory,
            **settings,
        )

    def set_epoch(self, epoch: int) -> None:
        """Order the batches for this epoch, counted from 1; call it before the epoch's iterator is made."""
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]


def _whole_batch(batch: Any) -> Any:
    return batch
