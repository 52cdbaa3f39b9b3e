"""The sign that technicians burn into slices: what a classifier can cheat with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def burn_marker(rng: np.random.Generator, images: NDArray, free: NDArray) -> NDArray[np.bool_]:
    """Write an L into one slice of all channels, in place, at a random place where there is nothing.

    Args:
        rng: chooses the place.
        images: (3, R, C), rows towards posterior, columns towards left.
        free: (R, C), where the marker may lie: air around the head.

    Returns:
        (R, C), the pixels that were written; none if the marker fits nowhere.

    Example:
        >>> images = np.ones((3, 48, 48))
        >>> burned = burn_marker(np.random.default_rng(0), images, np.ones((48, 48), dtype=bool))
        >>> int(burned.sum()), bool((images[:, burned] == images.max()).all())
        (7, True)
    """
    glyph = _letter(side_px=max(4, min(free.shape) // 12))
    burned = np.zeros(free.shape, dtype=bool)
    if min(free.shape) < len(glyph):
        return burned
    windows = np.lib.stride_tricks.sliding_window_view(free, glyph.shape)
    places = np.argwhere(windows.all(axis=(2, 3)))
    if len(places):
        row, column = places[rng.integers(len(places))]
        burned[row : row + len(glyph), column : column + len(glyph)] = glyph
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
