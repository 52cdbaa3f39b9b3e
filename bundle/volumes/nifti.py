"""NIfTI files: decompressed once for several readers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

NIFTI_SUFFIXES = (".nii", ".nii.gz")


class NiftiPath(os.PathLike[str]):
    """Path of a NIfTI file whose voxels stay in memory from the first reader on, as long as the path object lives.

    The checks look at a file as it lies on disk and the transforms make a tensor of it; decompressing it twice would
    cost a third of ingestion.

    Args:
        path: .nii or .nii.gz.

    Example:
        >>> path = NiftiPath("scans/a.nii.gz")
        >>> str(path), os.fspath(path)
        ('scans/a.nii.gz', 'scans/a.nii.gz')
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._image: SpatialImage | None = None

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return repr(self.path)

    def load(self) -> SpatialImage:
        """Return the image; its header and affine are the caller's own, its voxels those of all readers."""
        if self._image is None:
            image = nib.load(self.path)
            self._image = type(image)(np.asanyarray(image.dataobj), image.affine, image.header)
        # MONAI corrects header and affine in place, which the other reader must not see
        return type(self._image)(self._image.dataobj, self._image.affine, self._image.header)


def is_nifti(path: object) -> bool:
    """Tell whether a path names a NIfTI file.

    Example:
        >>> is_nifti("a.NII.gz"), is_nifti("a.csv"), is_nifti(None)
        (True, False, False)
    """
    return isinstance(path, str | os.PathLike) and os.fspath(path).lower().endswith(NIFTI_SUFFIXES)


def with_nifti_paths(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case dictionary whose NIfTI files are decompressed once, however many transforms and checks read them.

    Args:
        item: case dictionary with paths, or lists of paths.

    Example:
        >>> with_nifti_paths({"image": ["a.nii", "b.nii"], "label": "labels.csv", "case": "a"})
        {'image': ['a.nii', 'b.nii'], 'label': 'labels.csv', 'case': 'a'}
    """
    known: dict[str, NiftiPath] = {}

    def wrapped(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [wrapped(entry) for entry in value]
        return known.setdefault(os.fspath(value), NiftiPath(value)) if is_nifti(value) else value

    return {key: wrapped(value) for key, value in item.items()}


def load_nifti(path: str | os.PathLike[str]) -> SpatialImage:
    """Return a NIfTI image: as `nibabel.load`, and from a `NiftiPath` with its voxels in memory.

    Raises:
        Exception: what nibabel raises at a missing or broken file.

    Example:
        >>> load_nifti("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: No such file or no access: 'nowhere.nii.gz'
    """
    return path.load() if isinstance(path, NiftiPath) else nib.load(path)
