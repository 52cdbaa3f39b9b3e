"""Batches of slices for an engine."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader

from bundle.data.batch_order import BatchOrder
from bundle.data.batching import SliceBatchSampler
from bundle.data.slice_dataset import SliceDataset


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
        rank: number of this process; None asks `torch.distributed`.
        world_size: number of processes; None asks `torch.distributed`.
        min_last_fraction: see `ScanOrder` and `ShuffleOrder`.
        **options: of `torch.utils.data.DataLoader`.

    Raises:
        ValueError: see `SliceBatchSampler`.

    Example:
        >>> from bundle.data import SliceDataset
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
        ranks, here = _processes()
        sampler = SliceBatchSampler(
            dataset,
            batch_order,
            batch_size,
            seed,
            rank=here if rank is None else rank,
            world_size=ranks if world_size is None else world_size,
            min_last_fraction=min_last_fraction,
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


def _processes() -> tuple[int, int]:
    """(world size, rank) of this process group, or (1, 0)."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size(), dist.get_rank()
    return 1, 0
