"""What a channel must be, looked at alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bundle.data.problem import Problem
from bundle.data.volume_file import VolumeFile


def image_problems(case: str, volume: VolumeFile) -> Iterator[Problem]:
    """Yield what is wrong with the voxels and the geometry of one image, whatever it is used for.

    Args:
        case: id of the case.
        volume: image as read.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 4, 2)), np.eye(4))
        >>> [problem.found for problem in image_problems("a", volume)]
        ['0 in every voxel of channel 0']
    """
    if volume.data.dtype.kind not in "iufb":
        remedy = "Convert it to a volume of plain numbers, one per voxel and channel."
        yield Problem(case, volume.file, "numbers", f"voxels of type {volume.data.dtype}", remedy)
        return
    if volume.data.ndim not in (3, 4) or volume.num_slices < 2:
        remedy = "Leave out scouts and single slices; export the whole scan as one volume."
        yield Problem(case, volume.file, "a volume of several slices", f"shape {volume.shape}, a single slice", remedy)
        return
    yield from _affine_problems(case=case, volume=volume)
    yield from _value_problems(case=case, volume=volume)


def _affine_problems(*, case: str, volume: VolumeFile) -> Iterator[Problem]:
    if not np.isfinite(volume.affine).all() or abs(np.linalg.det(volume.affine[:3, :3])) < 1e-9:
        remedy = "Export the volume again with its orientation, or set the header's sform."
        yield Problem(case, volume.file, "an affine with three directions", f"{volume.affine.tolist()}", remedy)


def _value_problems(*, case: str, volume: VolumeFile) -> Iterator[Problem]:
    bad = volume.data.size - int(np.isfinite(volume.data).sum()) if volume.data.dtype.kind == "f" else 0
    if bad:
        remedy = "Find the step that made them (often a division by zero in normalization), or replace them."
        yield Problem(case, volume.file, "finite numbers", f"{bad} voxels that are NaN or infinite", remedy)
        return
    channels = volume.data[..., None] if volume.data.ndim == 3 else volume.data
    for index in range(channels.shape[3]):
        channel = channels[..., index]
        if channel.size and channel.min() == channel.max():
            remedy = "An empty or failed export: take the original scan, or leave the case out."
            found = f"{channel.flat[0]:g} in every voxel of channel {index}"
            yield Problem(case, volume.file, "an image with contrast", found, remedy)
