"""Orientation of volumes: the way radiologists look at slices, and the way back to the file's slices."""

from __future__ import annotations

import os

import nibabel
import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray

DISPLAY_AXES = "PLS"
"""Rows run towards posterior, columns towards left, slices towards superior."""


def to_display_orientation(
    path: str | os.PathLike[str], source_slice: int | None = None, channel: int | None = None
) -> NDArray:
    """Return a volume, or one slice of it, with rows = posterior, columns = left, slices from below.

    Args:
        path: NIfTI file.
        source_slice: index along the file's third axis.
        channel: of several in one file, at most the last; by default the last.

    Returns:
        (H, W, D) float32, or (H, W) for one slice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = f"{folder}/a.nii"
        ...     nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), file)
        ...     to_display_orientation(file).shape, to_display_orientation(file, source_slice=2).shape
        ((5, 4, 6), (5, 4))
    """
    volume = nibabel.load(path)
    if source_slice is not None:
        volume = volume.slicer[:, :, source_slice : source_slice + 1]
    here = nibabel.orientations.io_orientation(volume.affine)
    turn = nibabel.orientations.ornt_transform(here, nibabel.orientations.axcodes2ornt(DISPLAY_AXES))
    voxels = np.asarray(volume.as_reoriented(turn).dataobj, dtype=np.float32)
    if voxels.ndim == 4:
        last = voxels.shape[3] - 1
        voxels = voxels[..., last if channel is None else min(channel, last)]  # (H, W, D)
    return voxels if source_slice is None else voxels[..., 0]


def source_slice_indices(image: MetaTensor) -> list[int]:
    """Return for each slice of an oriented volume its index along the third axis of the file.

    Results count slices along the oriented volume; viewers of the file count along its third axis.

    Args:
        image: (C,H,W,D) after `Orientationd`, `FileOrderd` or crops, with `meta["original_affine"]` of its file.

    Raises:
        ValueError: a slice of the volume is not a slice of the file, for example of a sagittal scan.

    Example:
        >>> import torch
        >>> flipped = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 2], [0, 0, 0, 1]])
        >>> image = MetaTensor(torch.zeros(1, 4, 4, 3), affine=flipped)
        >>> image.meta["original_affine"] = np.eye(4)
        >>> source_slice_indices(image)
        [2, 1, 0]
    """
    source = np.asarray(image.meta["original_affine"], dtype=np.float64)
    to_source = np.linalg.solve(source, np.asarray(image.affine, dtype=np.float64))
    if not np.allclose(np.abs(to_source[:3, 2]), (0, 0, 1), atol=1e-3):
        raise ValueError(
            f"{image.meta.get('filename_or_obj', '(tensor)')}: slices must lie along the file's third axis, got the "
            f"direction {to_source[:3, 2].round(3).tolist()}: use FileOrderd to keep the file's slices."
        )
    indices = to_source[2, 2] * np.arange(image.shape[-1]) + to_source[2, 3]
    return [int(index) for index in np.rint(indices)]
