"""Which slice a loader asks for, and in which epoch."""

from __future__ import annotations

from typing import NamedTuple


class SliceIndex(NamedTuple):
    """All that a worker process needs to make a slice: it keeps no state of its own.

    Args:
        index: position in the dataset.
        epoch: from 1; augmentation depends on it.
        ignored: True for a slice that only fills a rank's batch: label -1, not supervised.

    Example:
        >>> SliceIndex(7, epoch=2)
        SliceIndex(index=7, epoch=2, ignored=False)
    """

    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls here
    epoch: int = 1
    ignored: bool = False
