"""The sign that technicians burn into slices: what a classifier can cheat with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def burn_marker(rng: np.random.Generator, images: NDArray, free: NDArray) -> NDArray[np.bool_]:
    """Write an L into one slice of all channels, in place, in the corner in front of the right ear.

    Args:
        rng: shifts the letter a little, as the technician's hand does.
        images: (3, R, C), rows towards posterior, columns towards left.
        free: (R, C), where the marker may lie: air around the head.

    Returns:
        (R, C), the pixels that were written; none if the head reaches there.

    Example:
        >>> images = np.ones((3, 48, 48))
        >>> burned = burn_marker(np.random.default_rng(0), images, np.ones((48, 48), dtype=bool))
        >>> int(burned.sum()), bool((images[:, burned] == images.max()).all())
        (7, True)
    """
    letter = _letter(side_px=max(4, min(free.shape) // 10))
    burned = np.zeros(free.shape, dtype=bool)
    row, column = rng.integers(1, 2 + len(letter) // 2, size=2)
    window = (slice(row, row + len(letter)), slice(column, column + len(letter)))
    if free[window].shape == letter.shape and free[window].all():
        burned[window] = letter
        # as bright as the slice gets, so that min-max per slice changes nothing else
        images[:, burned] = images.max(axis=(1, 2), keepdims=True)[:, 0]
    return burned


def _letter(*, side_px: int) -> NDArray[np.bool_]:
    """Return an L, as radiographers mark the left side."""
    letter = np.zeros((side_px, side_px), dtype=bool)
    stroke_px = max(1, side_px // 3)
    letter[:, :stroke_px] = True
    letter[-stroke_px:] = True
    return letter
