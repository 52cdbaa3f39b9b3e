"""The cut of the maps to fix on validation data."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def best_iou_index(curves: NDArray, labels: ArrayLike) -> int | None:
    """Return which threshold has the largest mean IoU over positive slices with a mask, the first of equals.

    Args:
        curves: (n, T) of `iou_curve`, NaN for slices without a mask.
        labels: (n,) classes; only those above 0 count.

    Returns:
        An index below T; None where no slice counts.

    Example:
        >>> best_iou_index(np.array([[0.1, 0.4], [0.9, 0.0]]), [1, 0])
        1
    """
    counted = curves[(np.asarray(labels) > 0) & ~np.isnan(curves).any(axis=1)]
    return int(counted.mean(axis=0).argmax()) if len(counted) else None
