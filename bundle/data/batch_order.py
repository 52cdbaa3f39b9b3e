"""Which slices share a batch, and in which order batches come."""

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
        raise ValueError(f"Expected `min_last_fraction` to be None or in [0, 1] but got {min_last_fraction}.")
    return min_last_fraction
