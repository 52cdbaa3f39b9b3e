"""All slices as they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bundle.data.batch_order import chunks


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
                f"Expected no `min_last_fraction` for batch_order 'sequential', which keeps all slices, but got "
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
