"""Requirements on the voxels of images and masks; checks list what is wrong, loaders raise the first error."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import ROUNDING, VolumeFile

# BraTS has 4, LiTS 3; a whole-body label map over 100, a mask saved as a blurred picture up to 256.
_MANY_VALUES = 8


def finite_problems(file: str, voxels: NDArray) -> Iterator[Problem]:
    """Yield a problem where intensities are NaN or infinite.

    Args:
        file: named in the problem.
        voxels: numbers of any shape.

    Example:
        >>> [problem.found for problem in finite_problems("a.nii", np.array([0.0, np.nan]))]
        ['1 voxels that are NaN or infinite']
    """
    # NaN wins minimum and maximum: ten times faster than a look at each voxel
    if voxels.dtype.kind == "f" and voxels.size and not np.isfinite([voxels.min(), voxels.max()]).all():
        bad = voxels.size - int(np.isfinite(voxels).sum())
        remedy = "find the step that made them (often a division by zero in normalization), or replace them"
        yield Problem(file, "hold finite numbers", f"{bad} voxels that are NaN or infinite", remedy)


def image_problems(volume: VolumeFile) -> Iterator[Problem]:
    """Yield what is wrong with the voxels and the geometry of an image that is to be trained on.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 4, 2)), np.eye(4))
        >>> [problem.found for problem in image_problems(volume)]
        ['0 in every voxel of channel 0']
    """
    if volume.data.dtype.kind not in "iufb":
        remedy = "convert it to a volume of plain numbers, one per voxel and channel"
        yield Problem(volume.file, "hold numbers", f"voxels of type {volume.data.dtype}", remedy)
        return
    if volume.data.ndim not in (3, 4) or volume.num_slices < 2:
        remedy = "leave out scouts and single slices; export the whole scan as one volume"
        found = f"shape {volume.shape}, a single slice"
        yield Problem(volume.file, "be a volume of several slices", found, remedy)
        return
    if not np.isfinite(volume.affine).all() or abs(np.linalg.det(volume.affine[:3, :3])) < 1e-9:
        remedy = "export the volume again with its orientation, or set the header's sform"
        yield Problem(volume.file, "have an affine with three directions", f"{volume.affine.tolist()}", remedy)
    not_finite = list(finite_problems(volume.file, volume.data))
    yield from not_finite or _contrast_problems(volume=volume)


def _contrast_problems(*, volume: VolumeFile) -> Iterator[Problem]:
    channels = volume.data[..., None] if volume.data.ndim == 3 else volume.data
    for index in range(channels.shape[3]):
        channel = channels[..., index]
        if channel.size and channel.min() == channel.max():
            remedy = "an empty or failed export: take the original scan, or leave the case out"
            found = f"{channel.flat[0]:g} in every voxel of channel {index}"
            yield Problem(volume.file, "hold an image with contrast", found, remedy)


def mask_problems(file: str, voxels: NDArray, num_classes: int | None = None) -> Iterator[Problem]:
    """Yield what is wrong with the values of a mask.

    Args:
        file: named in the problem.
        voxels: values of the mask, any shape.
        num_classes: with K > 1 classes, mask values are class indices below K; 1 or None: any whole number from 0 on.

    Example:
        >>> [problem.found for problem in mask_problems("m.nii", np.full((2, 2, 2), 0.5))]
        ['values that are not whole, e.g. 0.5']
    """
    if not voxels.size:
        return
    low, high = voxels.min(), voxels.max()
    if not np.isfinite([low, high]).all() or not _is_whole(voxels=voxels):
        remedy = (
            "threshold it knowingly if it is a probability that a model predicted, resample it with nearest neighbor, "
            "or use the drawn mask"
        )
        found = f"values that are not whole, e.g. {_first_odd(voxels=voxels):g}"
        yield Problem(file, "hold whole numbers", found, remedy)
        return
    highest = num_classes - 1 if num_classes is not None and num_classes > 1 else np.inf
    if low < -ROUNDING or high > highest + ROUNDING:
        beyond = np.unique(voxels[(voxels < -ROUNDING) | (voxels > highest + ROUNDING)])
        remedy = "relabel the mask, or set num_classes to its highest value + 1" if low >= 0 else "relabel the mask"
        expected = f"hold values from 0 to {highest:g}" if np.isfinite(highest) else "hold values of 0 and above"
        yield Problem(file, expected, f"the values {[float(value) for value in beyond[:8]]}", remedy)


def mask_warnings(mask: VolumeFile, num_classes: int = 1) -> Iterator[Problem]:
    """Yield a warning for a valid mask that is empty, or that holds too many values for one finding."""
    # slice by slice: a CT of 500 slices is too much to count at once
    slices = np.moveaxis(to_class_numbers(mask.data), mask.slice_axis, 0)
    counts = [np.bincount(each.ravel()) for each in slices]
    values = {int(value) for count in counts for value in np.flatnonzero(count)}
    if not values - {0}:
        remedy = "fine if the scan is healthy, then all its slices count as negative; otherwise take the right mask"
        yield Problem(mask.file, "mark voxels", "an empty mask", remedy, "warning")
    elif num_classes == 1 and len(values) > _MANY_VALUES:
        remedy = "any value above 0 counts as the finding, so a map of many organs or a blurred mask marks too much"
        yield Problem(mask.file, "mark one finding", f"{len(values)} different values", remedy, "warning")


def to_class_numbers(voxels: NDArray) -> NDArray:
    """Return the voxels of a mask without problems as whole numbers: uint8 where that holds them, else int32.

    Example:
        >>> to_class_numbers(np.array([0.0, 0.9999, 300.0])), to_class_numbers(np.array([2.0])).dtype
        (array([  0,   1, 300], dtype=int32), dtype('uint8'))
    """
    dtype = np.uint8 if not voxels.size or voxels.max() <= np.iinfo(np.uint8).max else np.int32
    compact = voxels.astype(dtype)
    return compact if np.array_equal(compact, voxels) else np.rint(voxels).astype(dtype)


def _is_whole(*, voxels: NDArray) -> bool:
    if voxels.dtype.kind in "iub":
        return True
    with np.errstate(invalid="ignore"):
        if (voxels.astype(np.uint8) == voxels).all():  # the usual mask, at a quarter of the cost
            return True
    return bool((np.abs(voxels - np.rint(voxels)) <= ROUNDING).all())


def _first_odd(*, voxels: NDArray) -> float:
    odd = ~np.isfinite(voxels)
    if not odd.any():
        odd = np.abs(voxels - np.rint(voxels)) > ROUNDING
    return float(voxels[odd][0])
