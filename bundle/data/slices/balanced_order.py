"""Batch orders that repeat slices: as many positive as negative ones, or a share with a mask that supervises."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bundle.data.slices.batch_order import chunks, require_fraction, surplus
from bundle.keys import IGNORED_LABEL


class BalancedOrder:
    """Positive and negative slices in equal numbers per epoch (odd lengths: one more negative), shuffled together.

    An epoch is as long as the labeled slices are many. Of the more frequent side a part is drawn without replacement,
    another one in each epoch; the slices of the rarer side are repeated in whole rounds, the last one drawn. Slices
    without a label are left out. Positive is every class above 0.

    Args:
        min_last_fraction: leave out a last batch that holds less than this fraction of a full one; None keeps it.

    Raises:
        ValueError: a fraction outside [0, 1], or one side has no slices.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 0, 1])
        >>> batches = BalancedOrder()(labels, np.zeros(6), 6, np.random.default_rng(0))
        >>> sorted(labels[batches[0]].tolist())
        [0, 0, 0, 1, 1, 1]
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
        positive, negative = np.flatnonzero(labels > 0), np.flatnonzero(labels == 0)
        if not len(positive) or not len(negative):
            raise ValueError(
                f"batch_order 'balanced' must have positive and negative slices, got {len(positive)} and "
                f"{len(negative)} ({int((labels == IGNORED_LABEL).sum())} without a label): use 'shuffle'."
            )
        length = len(positive) + len(negative)
        drawn = [
            _rounds(positive, count=length // 2, generator=generator),
            _rounds(negative, count=length - length // 2, generator=generator),
        ]
        order = generator.permutation(np.concatenate(drawn))
        left_out = surplus(length, batch_size=batch_size, min_last_fraction=self.min_last_fraction)
        return chunks(order[: length - left_out], batch_size=batch_size)


class _SupervisedCases(Protocol):
    """A data set that knows whose masks supervise."""

    supervised: NDArray[np.bool_]


class SupervisedOrder:
    """Slices shuffled; a share of them at least comes from cases whose masks supervise, however few these are.

    An epoch is as long as the slices are many. Slices of supervised cases are repeated in whole rounds, the last one
    drawn; of the others a part is drawn without replacement, another one in each epoch. Where the share is reached
    anyhow the batches are those of `ShuffleOrder`.

    Args:
        dataset: has `supervised`, (cases,) whether the mask of a case supervises.
        share: of an epoch's slices, from 0 to 1.

    Raises:
        ValueError: a share outside [0, 1].

    Example:
        >>> class Cases:
        ...     supervised = np.array([True, False])
        >>> order, of_case = SupervisedOrder(Cases(), 0.5), np.array([0, 1, 1, 1, 1, 1])
        >>> int((order(np.zeros(6), of_case, 6, np.random.default_rng(0))[0] == 0).sum())
        3
    """

    def __init__(self, dataset: _SupervisedCases, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"share must be in [0, 1], got {share}: 0.5 is the recommended recipe's.")
        self.dataset = dataset
        self.share = share

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch as positions of slices."""
        is_supervised = self.dataset.supervised[case_of_slice]
        supervised, others = np.flatnonzero(is_supervised), np.flatnonzero(~is_supervised)
        count = int(self.share * len(labels))
        if not 0 < len(supervised) < count:
            return chunks(generator.permutation(len(labels)), batch_size=batch_size)
        repeated = _rounds(supervised, count=count, generator=generator)
        drawn = generator.permutation(others)[: len(labels) - count]
        return chunks(generator.permutation(np.concatenate([repeated, drawn])), batch_size=batch_size)


def _rounds(positions: NDArray[np.int64], *, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Every position once before any comes again."""
    rounds = -(-count // len(positions))
    return np.concatenate([generator.permutation(positions) for _ in range(rounds)])[:count]
