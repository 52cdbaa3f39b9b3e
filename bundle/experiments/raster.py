"""Volumes as radiologists look at them."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray


def raster(path: str | Path, source_slice: int | None = None) -> NDArray:
    """Return a volume, or one slice of it, with rows = posterior, columns = left, slices from below.

    Args:
        path: NIfTI file; of several channels in one file the last is taken.
        source_slice: index along the file's third axis.

    Returns:
        (H, W, D) float32, or (H, W) for one slice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "a.nii"
        ...     nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), file)
        ...     raster(file).shape, raster(file, source_slice=2).shape
        ((5, 4, 6), (5, 4))
    """
    volume = nibabel.load(path)
    if source_slice is not None:
        volume = volume.slicer[:, :, source_slice : source_slice + 1]
    here = nibabel.orientations.io_orientation(volume.affine)
    turn = nibabel.orientations.ornt_transform(here, nibabel.orientations.axcodes2ornt("PLS"))
    voxels = np.asarray(volume.as_reoriented(turn).dataobj, dtype=np.float32)
    voxels = voxels[..., -1] if voxels.ndim == 4 else voxels  # (H, W, D)
    return voxels if source_slice is None else voxels[..., 0]
