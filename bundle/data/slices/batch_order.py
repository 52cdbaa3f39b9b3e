"""Batch orders: the slices of a batch, and the sequence of batches."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class BatchOrder(Protocol):
    """Puts the slices of a data set into batches; a pure function of its arguments.

    The number of batches must not depend on what `generator` draws, because an engine asks for it only once.
    """

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch as positions of slices.

        Args:
            labels: (n,) class of each slice, -1 where unknown.
            case_of_slice: (n,) number of each slice's scan; slices of a scan lie together.
            batch_size: slices of a full batch.
            generator: the only source of chance.
        """


def chunks(positions: NDArray[np.int64], *, batch_size: int) -> list[NDArray[np.int64]]:
    """Cut positions into batches; the last may be short.

    Example:
        >>> [chunk.tolist() for chunk in chunks(np.arange(3), batch_size=2)]
        [[0, 1], [2]]
    """
    return [positions[start : start + batch_size] for start in range(0, len(positions), batch_size)]


def surplus(length: int, *, batch_size: int, min_last_fraction: float | None) -> int:
    """Return how many of `length` slices must go so that no last batch holds less than the fraction of a full one.

    Fewer slices than one full batch are kept, or they would never be seen.

    Example:
        >>> surplus(70, batch_size=32, min_last_fraction=0.7), surplus(6, batch_size=32, min_last_fraction=0.7)
        (6, 0)
    """
    last = length % batch_size
    too_few = min_last_fraction is not None and last < min_last_fraction * batch_size
    return last if too_few and length > batch_size else 0


def require_fraction(min_last_fraction: float | None) -> float | None:
    """Return the argument if it is None or lies in [0, 1].

    Raises:
        ValueError: it lies elsewhere.

    Example:
        >>> require_fraction(0.7)
        0.7
    """
    if min_last_fraction is not None and not 0 <= min_last_fraction <= 1:
        raise ValueError(f"min_last_fraction must be None or in [0, 1], got {min_last_fraction}: 0.7 is the paper's.")
    return min_last_fraction


class ScanOrder:
    """Scans shuffled, slices not: a batch holds consecutive slices of one scan, the scan's last batch may be short.

    Args:
        min_last_fraction: a scan whose last batch would hold less than this fraction of a full one is cropped, from a
            random start, so that it has none; a scan shorter than one batch is kept whole. None keeps all slices, 0.7
            is the paper's rule for LiTS.

    Raises:
        ValueError: a fraction outside [0, 1].

    Source: training settings of the paper.

    Example:
        >>> batches = ScanOrder()(np.zeros(5), np.array([0, 0, 0, 1, 1]), 2, np.random.default_rng(0))
        >>> sorted(batch.tolist() for batch in batches)
        [[0, 1], [2], [3, 4]]
    """

    def __init__(self, min_last_fraction: float | None = None) -> None:
        self.min_last_fraction = require_fraction(min_last_fraction)

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch as positions of slices."""
        breaks = np.flatnonzero(np.diff(case_of_slice)) + 1
        scans = [scan for scan in np.split(np.arange(len(case_of_slice)), breaks) if len(scan)]
        batches: list[NDArray[np.int64]] = []
        for number in generator.permutation(len(scans)):
            scan = scans[number]
            cropped = surplus(len(scan), batch_size=batch_size, min_last_fraction=self.min_last_fraction)
            start = int(generator.integers(cropped + 1))
            batches += chunks(scan[start : start + len(scan) - cropped], batch_size=batch_size)
        return batches


class ShuffleOrder:
    """All slices once, in an order drawn anew for every epoch.

    Args:
        min_last_fraction: leave out a last batch that holds less than this fraction of a full one; 1 keeps full
            batches only, None keeps all slices.

    Raises:
        ValueError: a fraction outside [0, 1].

    Example:
        >>> batches = ShuffleOrder(min_last_fraction=1)(np.zeros(5), np.zeros(5), 2, np.random.default_rng(0))
        >>> [len(batch) for batch in batches]
        [2, 2]
    """

    def __init__(self, min_last_fraction: float | None = None) -> None:
        self.min_last_fraction = require_fraction(min_last_fraction)

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch as positions of slices."""
        order = generator.permutation(len(labels))
        left_out = surplus(len(order), batch_size=batch_size, min_last_fraction=self.min_last_fraction)
        return chunks(order[: len(order) - left_out], batch_size=batch_size)


class SequentialOrder:
    """All slices once in the order of the data set, for validation and test.

    Args:
        min_last_fraction: must be None, because scores are of all slices.

    Raises:
        ValueError: `min_last_fraction` is given.

    Example:
        >>> batches = SequentialOrder()(np.zeros(3), np.zeros(3), 2, np.random.default_rng(0))
        >>> [batch.tolist() for batch in batches]
        [[0, 1], [2]]
    """

    def __init__(self, min_last_fraction: float | None = None) -> None:
        if min_last_fraction is not None:
            raise ValueError(
                f"min_last_fraction must be None for batch_order 'sequential', which keeps all slices, got "
                f"{min_last_fraction}: use 'scan' or 'shuffle'."
            )

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches as positions of slices."""
        return chunks(np.arange(len(labels)), batch_size=batch_size)
