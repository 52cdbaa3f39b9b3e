"""Pictures in rows and columns, with titles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray


def overlay_panel(
    tiles: Sequence[Sequence[NDArray]],
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    tile_px: int = 192,
) -> NDArray:
    """Return a grid of pictures as one, in the form TensorBoard's `add_image` takes.

    Args:
        tiles: rows of pictures (H, W, 3) uint8, as `draw_overlay` makes them; rows may be of different length.
        column_titles: one per column, or none.
        row_titles: one per row, or none.
        tile_px: width and height of a tile.

    Returns:
        (3, H, W) uint8.

    Raises:
        ValueError: no picture at all.

    Example:
        >>> overlay_panel([[np.zeros((8, 8, 3), np.uint8)] * 2], column_titles=("a", "b"), tile_px=50).shape[0]
        3
    """
    columns = max((len(row) for row in tiles), default=0)
    if not columns:
        raise ValueError("overlay_panel expected at least one picture, got none: has the data no positive slice?")
    # A figure of its own, not pyplot's: pyplot keeps every figure it makes, and training draws one per epoch.
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
