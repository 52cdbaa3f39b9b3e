"""Where in its volume a slice lies."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def relative_position(cases: ArrayLike, slice_index: ArrayLike) -> NDArray:
    """Return 0 for the first and 1 for the last slice of each volume, 0.5 for a lone one.

    Args:
        cases: (n,) name or number of each slice's volume; the last slice of a volume must be among them.
        slice_index: (n,) from 0.

    Example:
        >>> relative_position(["a", "b", "a", "a"], [0, 0, 1, 2])
        array([0. , 0.5, 0.5, 1. ])
    """
    index = np.asarray(slice_index, dtype=np.float64)
    names, place = np.unique(np.asarray(cases), return_inverse=True)
    last = np.zeros(len(names))
    np.maximum.at(last, place, index)
    return np.divide(index, last[place], out=np.full(len(index), 0.5), where=last[place] > 0)
