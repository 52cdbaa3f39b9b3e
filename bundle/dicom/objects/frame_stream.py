"""Frames of a large volume, turned one after another while they are written."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 32
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
        """Return the bytes of some frames; they are turned row by row, as a copy of a row stays near the processor."""
        slices = self._volume[..., number * len(self._frames) :][..., : len(self._frames)]
        frames = self._frames[: slices.shape[-1]]
        if number != self._held:
            for row in range(slices.shape[1]):
                frames[:, row] = slices[:, row].copy(order="K").T
            self._held = number
        return frames.data.cast("B")
