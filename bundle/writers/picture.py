"""PNG files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundle.writers.atomic_file import write_atomically


def write_picture(path: str | os.PathLike[str], picture: NDArray) -> Path:
    """Write a PNG.

    Args:
        path: the file.
        picture: uint8, (H, W), (H, W, 3), (H, W, 4), or (3, H, W) as TensorBoard takes it.

    Raises:
        ValueError: another shape or type.

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
        raise ValueError(f"Expected uint8 (H, W), (H, W, 3 or 4) or (3, H, W), got {picture.dtype} {picture.shape}.")
    return write_atomically(path, lambda part: Image.fromarray(picture).save(part, format="PNG"))
