"""Positions in a head of the voxels of a scan."""

from __future__ import annotations

from typing import NamedTuple

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
    """Return the position in the head of the center of each voxel.

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


def smooth_field(
    rng: np.random.Generator, position_mm: NDArray, wavelength_mm: float, num_waves: int = 20
) -> NDArray[np.float32]:
    """Return a random field of mean about 0 and variance about 1: a sum of plane waves of random direction and phase.

    A field of waves belongs to the head and not to the grid: a second scan of a patient, with another pose or voxel
    size, meets the same folds at the same places.

    Args:
        rng: source of directions, wavelengths (0.7 to 1.4 of the given one) and phases.
        position_mm: (3, R, C, S).
        wavelength_mm: typical distance of two maxima.
        num_waves: the more, the closer to a Gaussian field, and the slower.

    Returns:
        (R, C, S).

    Example:
        >>> smooth_field(np.random.default_rng(0), np.zeros((3, 2, 2, 1)), wavelength_mm=20.0).shape
        (2, 2, 1)
    """
    directions = rng.normal(size=(num_waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = directions * (2 * np.pi / (wavelength_mm * rng.uniform(0.7, 1.4, size=(num_waves, 1))))
    phases = rng.uniform(0, 2 * np.pi, size=num_waves)
    flat = np.asarray(position_mm, dtype=np.float32).reshape(3, -1)
    total = np.zeros(flat.shape[1], dtype=np.float32)
    for wave, phase in zip(waves.astype(np.float32), phases.astype(np.float32), strict=True):
        total += np.cos(wave @ flat + phase)
    return (total * np.float32(np.sqrt(2 / num_waves))).reshape(np.shape(position_mm)[1:])
