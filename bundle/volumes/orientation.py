"""Orientation of volumes: the way radiologists look at slices, and the way back to the file's slices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import nibabel
import numpy as np
from numpy.typing import NDArray

from bundle.volumes.geometry import thick_axis
from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import VolumeFile

if TYPE_CHECKING:
    from monai.data import MetaTensor

DISPLAY_AXES = "PLS"
"""Rows run towards posterior, columns towards left, slices towards superior."""


def slice_axis(affine: NDArray, axcodes: str | None = DISPLAY_AXES) -> int:
    """Return the axis of a file that is sliced: the one that runs most along the last of `axcodes`.

    Args:
        affine: (4, 4), voxel index to millimeters.
        axcodes: of `Orientationd`; None where slices lie along the third axis of the file, as with `FileOrderd`.

    Example:
        >>> sagittal = np.array([[0, 0, 4.0, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1]])
        >>> slice_axis(sagittal), slice_axis(sagittal, "IPL"), slice_axis(sagittal, None)
        (1, 2, 2)
    """
    if axcodes is None:
        return 2
    body_axis = next(index for index, letters in enumerate(("LR", "PA", "IS")) if axcodes[-1] in letters)
    axes = nibabel.orientations.io_orientation(affine)[:, 0]
    return int(np.argmax(axes == body_axis)) if (axes == body_axis).any() else 2


def slicing_problems(volume: VolumeFile, axcodes: str | None = DISPLAY_AXES) -> Iterator[Problem]:
    """Yield a problem where there is one slice, and a warning where slices are cut across those that were acquired.

    Args:
        volume: image with three axes in space.
        axcodes: see `slice_axis`.

    Example:
        >>> knee = VolumeFile("a.nii", np.zeros((64, 64, 12)), np.array([[0, 0, 4.0, 0], [1, 0, 0, 0], [0, 1, 0, 0],
        ...                                                              [0, 0, 0, 1]]))
        >>> [problem.found for problem in slicing_problems(knee)]
        ['64 slices along axis 1, while 12 slices of 4 mm were acquired along axis 2 (from 0)']
    """
    sliced, thick = slice_axis(volume.affine, axcodes), thick_axis(volume.spacing)
    if volume.shape[sliced] < 2:
        remedy = "leave out scouts and single slices; export the whole scan as one volume"
        found = f"shape {volume.shape}, a single slice"
        yield Problem(volume.file, "be a volume of several slices", found, remedy)
    if thick is None or thick == sliced:
        return
    toward = int(nibabel.orientations.io_orientation(volume.affine)[thick, 0])
    overlay = ("sagittal", "coronal", "axial")[toward]
    file_order = " (or file_order.yaml: slices as they lie in the file)" if thick == 2 else ""
    remedy = (
        "leave out the overlay of configs/orientation"
        if overlay == "axial"
        else f"add configs/orientation/{overlay}.yaml{file_order}"
    )
    found = (
        f"{volume.shape[sliced]} slices along axis {sliced}, while {volume.shape[thick]} slices of "
        f"{volume.spacing[thick]:g} mm were acquired along axis {thick} (from 0)"
    )
    expected = "be sliced along the axis of its acquisition"
    yield Problem(volume.file, expected, found, f"{remedy}, in training and inference alike", "warning")


def to_display_orientation(
    path: str | os.PathLike[str], source_slice: int | None = None, channel: int | None = None
) -> NDArray:
    """Return a volume, or one slice of it, with rows = posterior, columns = left, slices from below.

    Args:
        path: volume of any format that is read here.
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
    volume = VolumeFile.read([path])
    data = volume.data if source_slice is None else volume.data[:, :, source_slice : source_slice + 1]
    here = nibabel.orientations.io_orientation(volume.affine)
    turn = nibabel.orientations.ornt_transform(here, nibabel.orientations.axcodes2ornt(DISPLAY_AXES))
    voxels = nibabel.orientations.apply_orientation(data, turn).astype(np.float32)
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
        >>> from monai.data import MetaTensor
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
