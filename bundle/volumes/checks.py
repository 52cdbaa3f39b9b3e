"""What a channel must be, looked at alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import VolumeFile


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


# BraTS has 4, LiTS 3; a whole-body label map over 100, a mask saved as a blurred picture up to 256.
_MANY_VALUES = 8


def mask_problems(case: str, mask: VolumeFile, num_classes: int = 1) -> Iterator[Problem]:
    """Yield what is wrong with the values of a mask.

    Args:
        case: id of the case.
        mask: mask as read.
        num_classes: with several classes, mask values are class indices below this number.

    Example:
        >>> mask = VolumeFile("m.nii", np.full((2, 2, 2), 0.5), np.eye(4))
        >>> [problem.found for problem in mask_problems("a", mask)]
        ['values that are not whole, e.g. 0.5']
    """
    if mask.num_channels > 1 or mask.data.ndim not in (3, 4):
        remedy = "Merge the channels into one volume of whole numbers."
        yield Problem(case, mask.file, "a mask with one value per voxel", f"shape {mask.shape}", remedy)
        return
    # Slice by slice: a CT of 500 slices is too much to sort at once.
    slices = np.moveaxis(mask.data, mask.slice_axis, 0)
    values = np.unique(np.concatenate([np.unique(one) for one in slices]))
    odd = values[~np.isfinite(values) | (np.abs(values - np.rint(values)) > 1e-3)]
    highest = num_classes - 1 if num_classes > 1 else np.inf
    beyond = values[(values < 0) | (values > highest)]
    if odd.size:
        remedy = (
            "These look like probabilities that a model predicted: use the drawn mask, or threshold them knowingly."
        )
        yield Problem(case, mask.file, "whole numbers", f"values that are not whole, e.g. {odd[0]:g}", remedy)
    elif beyond.size:
        expected = f"mask values from 0 to {highest:g}" if num_classes > 1 else "mask values of 0 and above"
        remedy = "Set num_classes to the highest mask value + 1, or relabel the mask."
        yield Problem(case, mask.file, expected, f"the values {[float(value) for value in beyond[:8]]}", remedy)
    elif not values.any():
        remedy = "Fine if the scan is healthy: all its slices count as negative. Otherwise take the right mask."
        yield Problem(case, mask.file, "a mask with marked voxels", "an empty mask", remedy, "warning")
    elif num_classes == 1 and values.size > _MANY_VALUES:
        remedy = (
            "Any value above 0 counts as the finding: a map of many organs, or a blurred mask, would mark too much."
        )
        yield Problem(case, mask.file, "a mask of one finding", f"{values.size} different values", remedy, "warning")
