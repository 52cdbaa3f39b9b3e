"""The solid that everything in a head is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]


class Ellipsoid(NamedTuple):
    """An ellipsoid with axes along posterior, left and superior.

    Args:
        center_mm: (posterior, left, superior).
        semi_axes_mm: in the same order.

    Example:
        >>> ball = Ellipsoid((0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
        >>> float(ball.depth_mm(np.array([4.0, 0.0, 0.0]).reshape(3, 1, 1, 1)).item())
        6.0
    """

    center_mm: Triple
    semi_axes_mm: Triple

    def depth_mm(self, position_mm: NDArray) -> NDArray:
        """Return (R, C, S): about how far below the surface each of the (3, R, C, S) positions lies, < 0 outside."""
        shape = (3, 1, 1, 1)
        center = np.reshape(np.asarray(self.center_mm, dtype=np.float32), shape)
        semi_axes = np.reshape(np.asarray(self.semi_axes_mm, dtype=np.float32), shape)
        radius = np.sqrt((((position_mm - center) / semi_axes) ** 2).sum(axis=0))
        return (1 - radius) * np.float32(min(self.semi_axes_mm))

    def mirrored(self) -> Ellipsoid:
        """Return the same on the other side of the head."""
        posterior, left, superior = self.center_mm
        return Ellipsoid((posterior, -left, superior), self.semi_axes_mm)
