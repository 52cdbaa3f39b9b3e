"""Frames of a large volume, turned one after another while they are written."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
from numpy.typing import NDArray

_TILE = 32
"""Columns and rows of a volume that are turned into frames at once: what a processor keeps near."""
_AT_ONCE = 16
"""Frames that are held at once: as many values lie side by side in a volume whose slices do not."""


class FrameStream(io.BufferedIOBase):
    """Slices of a volume as a stream of float32 frames: a value that pydicom writes without holding it.

    Args:
        volume: (columns, rows, slices), in any order in memory.

    Example:
        >>> stream = FrameStream(np.arange(6).reshape(2, 1, 3))
        >>> np.frombuffer(stream.read(), "<f4"), stream.read()
        (array([0., 3., 1., 4., 2., 5.], dtype=float32), b'')
    """

    def __init__(self, volume: NDArray) -> None:
        columns, rows, slices = volume.shape
        self._volume, self._at, self._size = volume, 0, 4 * columns * rows * slices
        self._frames, self._held = np.empty((min(_AT_ONCE, slices), rows, columns), dtype="<f4"), -1

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte, and return its number."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, all that are left without a size."""
        end = self._size if size is None or size < 0 else min(self._at + size, self._size)
        parts = []
        while self._at < end:
            number, offset = divmod(self._at, self._frames.nbytes)
            parts.append(bytes(self._part(number)[offset : offset + end - self._at]))  # the next part takes its place
            self._at += len(parts[-1])
        return b"".join(parts)

    def _part(self, number: int) -> memoryview:
        """Return the bytes of some frames; they are turned in tiles, which is three times as fast as all at once."""
        slices = self._volume[..., number * len(self._frames) :][..., : len(self._frames)]
        frames = self._frames[: slices.shape[-1]]
        if number != self._held:
            columns, rows = slices.shape[:2]
            for left, top in product(range(0, columns, _TILE), range(0, rows, _TILE)):
                across, down = slice(left, left + _TILE), slice(top, top + _TILE)
                frames[:, down, across] = slices[across, down].transpose(2, 1, 0)
            self._held = number
        return frames.data.cast("B")
