"""Batches of slices from anywhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bundle.data.batch_order import chunks, require_fraction, surplus


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
