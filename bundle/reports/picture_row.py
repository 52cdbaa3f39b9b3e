"""The same slice as several models see it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class PictureRow:
    """Pictures of one slice, in the order of the report's picture columns.

    Args:
        caption: which slice of which case, and what was said about it.
        pictures: (H, W, 3) uint8 each, as `draw_overlay` makes them.

    Example:
        >>> import numpy as np
        >>> PictureRow("case 7, slice 40", [np.zeros((2, 2, 3), np.uint8)]).data_urls()[0][:22]
        'data:image/png;base64,'
    """

    caption: str
    pictures: Sequence[NDArray]

    def data_urls(self) -> list[str]:
        """Return the pictures as PNG inside their own addresses, so that the page needs no other file."""
        return [data_url(picture) for picture in self.pictures]


def data_url(picture: NDArray) -> str:
    """Return one picture as a PNG data address."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
