"""Affines compared where it shows: in millimeters and voxels at the corners of a grid."""

from __future__ import annotations

from itertools import product

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

_THICK = 2.0
"""Slices are thick if they are this many times as far apart as the pixels in them."""


def corner_distance(affine: NDArray, other: NDArray, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return how far two affines put the corners of one grid apart, at most: in millimeters, and in voxels.

    Entries of an affine hide it: 0.001 mm of spacing are half a pixel at the far side of 512 columns.

    Args:
        affine: (4, 4), voxel index to millimeters; its voxels are the unit of the second number.
        other: (4, 4).
        shape: (X, Y, Z) of the grid.

    Returns:
        NaN or infinite where an affine is.

    Example:
        >>> corner_distance(np.diag([2.0, 1, 1, 1]), np.diag([2.01, 1, 1, 1]), (101, 4, 4))
        (1.0, 0.5)
    """
    corners = np.array([(*corner, 1) for corner in product(*((0, length - 1) for length in shape[:3]))], dtype=float)
    apart = corners @ (np.asarray(other, dtype=float) - np.asarray(affine, dtype=float))[:3].T  # (8, 3) mm
    linear = np.asarray(affine, dtype=float)[:3, :3]
    if not np.isfinite(linear).all() or not np.isfinite(apart).all() or np.linalg.det(linear) == 0:
        return float("nan"), float("nan")
    voxels = np.abs(np.linalg.solve(linear, apart.T)).max()
    return round(float(np.linalg.norm(apart, axis=1).max()), 9), round(float(voxels), 9)


def axes_between(affine: NDArray, reference: NDArray) -> NDArray | None:
    """Return the turn of axes, as nibabel's orientations, that brings a volume next to a reference; None if none does.

    Args:
        affine: (4, 4) of the volume.
        reference: (4, 4).

    Example:
        >>> axes_between(np.diag([-1.0, 1, 1, 1]), np.eye(4)).tolist()
        [[0.0, -1.0], [1.0, 1.0], [2.0, 1.0]]
    """
    affine, reference = np.asarray(affine, dtype=float), np.asarray(reference, dtype=float)
    finite = np.isfinite(affine).all() and np.isfinite(reference).all()
    if not finite or np.linalg.det(reference[:3, :3]) == 0:
        return None
    turn = nib.orientations.io_orientation(np.linalg.solve(reference, affine))
    return None if np.isnan(turn).any() else turn


def thick_axis(spacing: tuple[float, ...]) -> int | None:
    """Return the axis along which a scan was acquired slice by slice; None for voxels that are nearly cubes.

    Args:
        spacing: voxel size in millimeters along the three axes.

    Example:
        >>> thick_axis((0.5, 0.5, 4.0)), thick_axis((4.0, 0.5, 0.5)), thick_axis((1.0, 1.0, 1.5))
        (2, 0, None)
    """
    axis = int(np.argmax(spacing))
    others = max(size for index, size in enumerate(spacing) if index != axis)
    return axis if spacing[axis] >= _THICK * others > 0 else None
