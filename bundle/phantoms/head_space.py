"""From the voxels of a scan to places in a head."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]


def head_space(
    shape: tuple[int, int, int],
    fov_mm: Triple,
    shift_mm: Triple = (0.0, 0.0, 0.0),
    turn_deg: float = 0.0,
    scale: Triple = (1.0, 1.0, 1.0),
) -> NDArray[np.float32]:
    """Return where in the head the center of each voxel lies.

    Args:
        shape: rows (towards posterior), columns (towards left) and slices (towards superior).
        fov_mm: extent of the scan along these axes.
        shift_mm: of the head in the scanner.
        turn_deg: of the head in the plane of the slices.
        scale: size of the head along its axes; 1 is the mean head.

    Returns:
        (3, R, C, S) in millimeters: posterior, left, superior of the middle of the mean brain.

    Example:
        >>> head_space((2, 2, 1), (100.0, 60.0, 5.0))[:, 0, 0, 0].tolist()
        [-25.0, -15.0, 0.0]
    """
    axes = [
        (np.arange(size) + 0.5) * (fov / size) - fov / 2 - shift
        for size, fov, shift in zip(shape, fov_mm, shift_mm, strict=True)
    ]
    posterior, left, superior = np.meshgrid(*axes, indexing="ij")
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turned = np.stack([cos * posterior + sin * left, cos * left - sin * posterior, superior])
    return (turned / np.reshape(scale, (3, 1, 1, 1))).astype(np.float32)
