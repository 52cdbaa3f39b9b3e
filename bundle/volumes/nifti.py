"""NIfTI files: decompressed once for several readers, written with the affine in both its forms."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from bundle.files import write_atomically

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


def write_nifti(path: str | os.PathLike[str], volume: NDArray, affine: NDArray) -> Path:
    """Write a volume as float32 NIfTI with the affine in both its forms, so that every viewer puts it in its place.

    Some readers prefer the qform, others the sform. The qform cannot hold shear; the sform always holds the affine.

    Args:
        path: ends in .nii or .nii.gz.
        volume: (H, W, D).
        affine: (4, 4), voxel to world in mm.

    Returns:
        `path`.

    Raises:
        ValueError: wrong shape, or an affine that cannot be inverted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = write_nifti(f"{folder}/map.nii.gz", np.zeros((4, 3, 2)), np.diag([2.0, 1.0, 5.0, 1.0]))
        ...     nib.load(file).header.get_zooms()
        (np.float32(2.0), np.float32(1.0), np.float32(5.0))
    """
    volume, affine = np.asarray(volume), np.asarray(affine, dtype=np.float64)
    if volume.ndim != 3 or affine.shape != (4, 4):
        raise ValueError(
            f"{path}: volume and affine must have the shapes (H, W, D) and (4, 4), got {volume.shape} and "
            f"{affine.shape}: write one map at a time."
        )
    if not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise ValueError(f"{path}: affine must be invertible, got {affine.tolist()}: check the source's header.")
    image = nib.Nifti1Image(volume.astype(np.float32), affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code="scanner")
    image.set_sform(affine, code="scanner")
    return write_atomically(path, lambda part: nib.save(image, part))
