"""A map on the grid of the volume it explains."""

from __future__ import annotations

import os
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from bundle.writers.atomic_file import write_atomically


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
