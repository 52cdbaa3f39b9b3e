"""Slices that come as one picture each (TIFF, PNG)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bundle.volumes.nifti import Voxels
from bundle.volumes.problem import FileProblem, Problem

SLICE_SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"})


def is_slice_image(file: str | os.PathLike[str]) -> bool:
    """Tell whether the file is a picture of one slice and not a volume.

    Example:
        >>> is_slice_image("a_07.TIF"), is_slice_image("a.nii.gz")
        (True, False)
    """
    return Path(file).suffix.lower() in SLICE_SUFFIXES


def read_slice_images(files: Sequence[str | os.PathLike[str]]) -> Voxels:
    """Read one picture per slice, in slice order; indexed colors become RGB.

    Args:
        files: pictures of one size.

    Returns:
        (H, W, D), or (H, W, D, channels) of color pictures.

    Raises:
        FileProblem: a picture is not there, not readable, or of another size than the first.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("L", (6, 4)).save(f"{folder}/0.png")
        ...     read_slice_images([f"{folder}/0.png"]).data.shape
        (4, 6, 1)
    """
    slices = [_pixels(file) for file in files]
    for file, pixels in zip(files, slices, strict=True):
        if pixels.shape != slices[0].shape:
            expected = f"have {slices[0].shape} pixels as {files[0]}"
            raise FileProblem(Problem(os.fspath(file), expected, f"{pixels.shape}", "give slices of one scan"))
    return Voxels(np.stack(slices, axis=2), np.eye(4))


def _pixels(file: str | os.PathLike[str]) -> NDArray:
    if not Path(file).is_file():
        raise FileProblem(Problem(os.fspath(file), "be a slice image", "no such file", "correct the path"))
    try:
        with Image.open(file) as picture:
            return np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    except (UnidentifiedImageError, OSError) as error:
        problem = Problem(os.fspath(file), "be a readable image", f"{error}", "export it again as TIFF or PNG")
        raise FileProblem(problem) from error
