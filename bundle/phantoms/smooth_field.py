"""Irregularity that lives in millimeters, not in voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
