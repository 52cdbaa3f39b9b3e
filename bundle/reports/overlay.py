"""Pictures of attribution maps over their slices, single, in panels and as PNG files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.ndimage import binary_erosion

from bundle.files import write_atomically

COLORS = "inferno"
"""Color map of all attribution maps."""
_OUTLINE_RGB = (255, 0, 255)
"""Magenta, absent from anatomy and from the color map."""


def draw_overlay(
    image: ArrayLike,
    attribution: ArrayLike,
    mask: ArrayLike | None = None,
    opacity: float = 0.6,
    scale: Sequence[float] | None = None,
    image_scale: Sequence[float] | None = None,
) -> NDArray:
    """Return the slice in gray, the map over it in color and the mask's outline in magenta.

    Without their scales image and map are scaled to their own ranges; pictures that are to be compared need them. A
    pixel is the more opaque the higher the map: anatomy stays visible where the map is low. Arrays with rows towards
    posterior and columns towards left appear in radiological orientation.

    Args:
        image: (H, W), one channel.
        attribution: (H, W).
        mask: (H, W), nonzero inside, or None.
        opacity: of the map's maximum, in [0, 1].
        scale: map values at the two ends of the color map; values beyond look like these.
        image_scale: the same of the image, from black to white.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueError: shapes differ.

    Example:
        >>> draw_overlay(np.zeros((4, 4)), np.zeros((4, 4)), np.eye(4))[0, 0]
        array([255,   0, 255], dtype=uint8)
    """
    gray, heat = _scaled(image, image_scale), _scaled(attribution, scale)
    if gray.ndim != 2 or heat.shape != gray.shape or (mask is not None and np.shape(mask) != gray.shape):
        shapes = [np.shape(array) for array in (image, attribution, mask) if array is not None]
        raise ValueError(f"image, map and mask must be of one shape (H, W), got {shapes}: resize the map to the image.")
    if opacity:
        color = matplotlib.colormaps[COLORS](heat)[..., :3]
        alpha = opacity * heat[..., None]
        picture = np.round(255 * ((1 - alpha) * gray[..., None] + alpha * color)).astype(np.uint8)
    else:
        picture = np.repeat(np.round(255 * gray).astype(np.uint8)[..., None], 3, axis=-1)
    if mask is not None:
        picture[_outline(np.asarray(mask) != 0)] = _OUTLINE_RGB
    return picture


def _scaled(values: ArrayLike, scale: Sequence[float] | None = None) -> NDArray:
    """Return the values scaled to [0, 1]; a constant becomes zeros, and values that are not finite become 0."""
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    own = (array.min(where=finite, initial=np.inf), array.max(where=finite, initial=-np.inf))
    low, high = own if scale is None else scale
    if high <= low:
        return np.zeros_like(array)
    return ((np.where(finite, array, low) - low) / (high - low)).clip(0, 1)


def _outline(inside: NDArray) -> NDArray:
    """Return the pixels of the mask that touch the outside or the border."""
    return inside & ~binary_erosion(inside)


def overlay_panel(
    tiles: Sequence[Sequence[NDArray]],
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    tile_px: int = 192,
) -> NDArray:
    """Return a grid of pictures as a single picture for TensorBoard's `add_image`.

    Args:
        tiles: rows of pictures (H, W, 3) uint8, as `draw_overlay` makes them; rows may differ in length.
        column_titles: a title per column, or none.
        row_titles: a title per row, or none.
        tile_px: width and height of a tile.

    Returns:
        (3, H, W) uint8.

    Raises:
        ValueError: there is no picture.

    Example:
        >>> overlay_panel([[np.zeros((8, 8, 3), np.uint8)] * 2], column_titles=("a", "b"), tile_px=50).shape[0]
        3
    """
    columns = max((len(row) for row in tiles), default=0)
    if not columns:
        raise ValueError("tiles must hold at least one picture, got none: check that the data has a positive slice.")
    # Not pyplot, which keeps every figure it makes: training draws one per epoch.
    figure = Figure(figsize=(columns * tile_px / 100, len(tiles) * tile_px / 100), dpi=100, layout="constrained")
    axes = figure.subplots(len(tiles), columns, squeeze=False)
    for i, row in enumerate(axes):
        for j, ax in enumerate(row):
            ax.set(xticks=[], yticks=[], frame_on=False)
            if j < len(tiles[i]):
                ax.imshow(tiles[i][j], interpolation="nearest")
    for ax, title in zip(axes[0], column_titles, strict=False):
        ax.set_title(title, fontsize=8)
    for ax, title in zip(axes[:, 0], row_titles, strict=False):
        ax.set_ylabel(title, fontsize=8)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy()


def write_picture(path: str | os.PathLike[str], picture: NDArray) -> Path:
    """Write a PNG.

    Args:
        path: the file.
        picture: uint8, (H, W), (H, W, 3), (H, W, 4), or (3, H, W) as for TensorBoard.

    Raises:
        ValueError: the shape or the type is none of these.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.open(write_picture(Path(folder) / "a.png", np.zeros((3, 4, 5), np.uint8))).size
        (5, 4)
    """
    picture = np.asarray(picture)
    if picture.ndim == 3 and picture.shape[0] == 3 and picture.shape[2] not in (3, 4):
        picture = picture.transpose(1, 2, 0)
    if picture.dtype != np.uint8 or not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))):
        raise ValueError(
            f"picture must be uint8 (H, W), (H, W, 3 or 4) or (3, H, W), got {picture.dtype} {picture.shape}: "
            "scale it to 0..255."
        )
    return write_atomically(path, lambda part: Image.fromarray(picture).save(part, format="PNG"))
