"""NIfTI files written with the affine in both its forms, so that every viewer puts them in their place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bundle.files import write_atomically


def write_nifti(
    path: str | os.PathLike[str],
    volume: NDArray,
    affine: NDArray,
    *,
    description: str = "",
    shown_range: Sequence[float] | None = None,
    is_label_map: bool = False,
) -> Path:
    """Write a map or a label map as NIfTI with the affine in both its forms, so that every viewer puts it in its place.

    nibabel, FSL and most Python code read the sform, which holds any affine. ITK (SimpleITK, ITK-SNAP, 3D Slicer) reads
    no sform with shear, as a tilted CT gantry gives it, and refuses a file that has nothing else. There the qform,
    which holds no shear, is the stack set upright: in-plane axes and the middle slice keep their exact place, the
    other slices are shifted within their plane. See `upright_affine`.

    Args:
        path: ends in .nii or .nii.gz.
        volume: (H, W, D).
        affine: (4, 4), voxel to world in mm.
        description: of the values, at most 79 characters; for the header.
        shown_range: values that a viewer shows as black and as brightest when it opens the file.
        is_label_map: store whole numbers, as uint16 (uint8 where they come so), in place of float32.

    Returns:
        `path`.

    Raises:
        ValueError: wrong shape, a label above 65535, or an affine that cannot be inverted.

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
    if is_label_map and volume.size and volume.max() > np.iinfo(np.uint16).max:
        raise ValueError(f"{path}: labels must be at most 65535, got {int(volume.max())}: raise minimum_ml.")
    labels = np.uint8 if volume.dtype == np.uint8 else np.uint16
    stored = labels if is_label_map else np.float32
    # nibabel turns numbers slice by slice, where a volume of another type is new memory; some it would scale or refuse
    is_plain = volume.dtype.kind in "iu" if is_label_map else volume.dtype.kind == "f" and volume.dtype.itemsize >= 4
    image = nib.Nifti1Image(volume if is_plain else volume.astype(stored), affine, dtype=stored)
    image.header.set_xyzt_units("mm")
    image.header.set_intent(*(("label", (), "findings") if is_label_map else ("estimate", (), "attribution map")))
    image.header["descrip"] = description
    if shown_range is not None:
        image.header["cal_min"], image.header["cal_max"] = shown_range
    image.set_qform(upright_affine(affine, volume.shape), code="scanner")
    image.set_sform(affine, code="scanner")
    return write_atomically(path, lambda part: nib.save(image, part))


def upright_affine(affine: NDArray, shape: Sequence[int]) -> NDArray:
    """Return the affine without shear: the slices stacked upright, with the middle one where it was.

    The slices are those across the body axis. Their own axes are kept, if they are orthogonal; else the first is, and
    the second is turned to be.

    Args:
        affine: (4, 4), voxel to world in mm, invertible.
        shape: (X, Y, Z) of the volume.

    Returns:
        (4, 4); `affine` itself if it has no shear.

    Example:
        >>> tilted = np.array([[1.0, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 2, 0], [0, 0, 0, 1]])
        >>> np.abs(upright_affine(tilted, (4, 4, 3))[1])
        array([0. , 1. , 0. , 0.5])
    """
    through = int(np.argmax(nib.io_orientation(affine)[:, 0] == 2))
    order = [*(axis for axis in range(3) if axis != through), through]
    # Gram-Schmidt: each column of `directions` keeps what the earlier ones leave of it
    directions, lengths = np.linalg.qr(affine[:3, order])
    upright = np.eye(4)
    upright[:3, order] = directions * np.diag(lengths)
    middle = (np.array(shape) - 1) / 2
    upright[:3, 3] = affine[:3, 3] + (affine[:3, :3] - upright[:3, :3]) @ middle
    return affine if np.allclose(upright, affine, atol=1e-6) else upright
