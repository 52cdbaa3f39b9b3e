"""NIfTI files that several rooms read one after another are decompressed once. Imports no room, so that all may use it.

The checks look at a file as it lies on disk, the transforms make a tensor of it, and neither knows the other; but to
decompress is a third of what ingestion costs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import nibabel
import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage
from numpy.typing import NDArray

from bundle.files import write_atomically

_kept: ContextVar[dict[str, SpatialImage] | None] = ContextVar("kept", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Within this context `load_nifti` keeps what it reads, for a second reader; at its end all is let go.

    The context is the thread's own: others read as ever.

    Example:
        >>> with read_once():
        ...     pass
    """
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def load_nifti(path: str) -> SpatialImage:
    """Open a NIfTI file: as `nibabel.load`, and within `read_once` with its voxels in memory.

    Args:
        path: .nii or .nii.gz.

    Returns:
        The image; its header and affine are the caller's own, its voxels are those of all readers of the context.

    Raises:
        Exception: what nibabel raises at a missing or broken file.

    Example:
        >>> load_nifti("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: No such file or no access: 'nowhere.nii.gz'
    """
    kept = _kept.get()
    if kept is None:
        return nib.load(path)
    if path not in kept:
        image = nib.load(path)
        kept[path] = type(image)(np.asanyarray(image.dataobj), image.affine, image.header)
    image = kept[path]
    # MONAI corrects header and affine in place, which the other reader shall not see
    return type(image)(image.dataobj, image.affine, image.header)


def write_nifti(path: str | os.PathLike[str], volume: NDArray, affine: NDArray) -> Path:
    """Write a volume as float32 NIfTI with the affine in both its forms, so that every viewer puts it in its place.

    Some readers prefer the qform, others the sform. The qform cannot hold shear; the sform always holds the affine.

    Args:
        path: ends in .nii or .nii.gz.
        volume: (H, W, D).
        affine: (4, 4), voxel to world in mm.

    Raises:
        ValueError: wrong shape, or an affine that cannot be inverted.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = write_nifti(Path(folder) / "map.nii.gz", np.zeros((4, 3, 2)), np.diag([2.0, 1.0, 5.0, 1.0]))
        ...     nibabel.load(file).header.get_zooms()
        (np.float32(2.0), np.float32(1.0), np.float32(5.0))
    """
    volume, affine = np.asarray(volume), np.asarray(affine, dtype=np.float64)
    if volume.ndim != 3 or affine.shape != (4, 4):
        raise ValueError(f"Expected a volume (H, W, D) and an affine (4, 4), got {volume.shape} and {affine.shape}.")
    if not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise ValueError(f"Expected an affine that can be inverted, got {affine.tolist()}: check the source's header.")
    image = nibabel.Nifti1Image(volume.astype(np.float32), affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, code="scanner")
    image.set_sform(affine, code="scanner")
    return write_atomically(path, lambda part: nibabel.save(image, part))
