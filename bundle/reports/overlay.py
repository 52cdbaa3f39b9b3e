"""A map over the slice it explains."""

from __future__ import annotations

import matplotlib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_erosion

OUTLINE_RGB = (255, 0, 255)
"""Magenta: neither anatomy nor the color map has it."""


def draw_overlay(
    image: ArrayLike, attribution: ArrayLike, mask: ArrayLike | None = None, opacity: float = 0.6
) -> NDArray:
    """Return the slice in gray, the map over it in color and the mask's outline in magenta.

    Image and map are each scaled to their own range. A pixel is the more opaque the higher the map: anatomy stays
    visible where the map is low. Arrays with slices as rows = posterior, columns = left come out as radiologists look
    at them.

    Args:
        image: (H, W), one channel.
        attribution: (H, W).
        mask: (H, W), nonzero inside, or None.
        opacity: of the map's maximum, in [0, 1].

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: shapes differ.

    Example:
        >>> draw_overlay(np.zeros((4, 4)), np.zeros((4, 4)), np.eye(4))[0, 0]
        array([255,   0, 255], dtype=uint8)
    """
    gray, heat = scaled(image), scaled(attribution)
    if gray.ndim != 2 or heat.shape != gray.shape or (mask is not None and np.shape(mask) != gray.shape):
        shapes = [np.shape(array) for array in (image, attribution, mask) if array is not None]
        raise ValueError(f"Expected image, map and mask of one shape (H, W), got {shapes}.")
    color = matplotlib.colormaps["inferno"](heat)[..., :3]
    alpha = opacity * heat[..., None]
    blended = (1 - alpha) * gray[..., None] + alpha * color
    picture = np.round(255 * blended).astype(np.uint8)
    if mask is not None:
        picture[outline(np.asarray(mask) != 0)] = OUTLINE_RGB
    return picture


def scaled(values: ArrayLike) -> NDArray:
    """Return the values between 0 and 1; a constant becomes zeros, what is not finite becomes the lowest."""
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    if not finite.any() or array[finite].max() == array[finite].min():
        return np.zeros_like(array)
    low, high = array[finite].min(), array[finite].max()
    return (np.where(finite, array, low) - low) / (high - low)


def outline(inside: NDArray) -> NDArray:
    """Return the mask's own pixels that touch the outside or the border."""
    return inside & ~binary_erosion(inside)
