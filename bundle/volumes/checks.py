"""Requirements on the voxels of images; checks list what is wrong, loaders raise the first error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.problem import Problem
from bundle.volumes.slice_images import is_slice_image
from bundle.volumes.volume_file import VolumeFile


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
    if voxels.dtype.kind != "f" or not voxels.size:
        return
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite([low, high]).all():
        bad = voxels.size - int(np.isfinite(voxels).sum())
        remedy = "find the step that made them (often a division by zero in normalization), or replace them"
        yield Problem(file, "hold finite numbers", f"{bad} voxels that are NaN or infinite", remedy)
    elif max(-low, high) > float(np.finfo(np.float32).max):
        remedy = "find the step that made it (often a voxel that was never set), or replace it"
        yield Problem(file, "hold numbers that fit float32", f"{high if high > -low else low:g}", remedy)


def form_problems(volume: VolumeFile) -> Iterator[Problem]:
    """Yield what keeps an image or a mask from being a volume of plain numbers that lies somewhere.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 4, 2), np.complex64), np.eye(4))
        >>> [problem.found for problem in form_problems(volume)]
        ['voxels of type complex64']
    """
    if volume.data.dtype.kind not in "iufb":
        remedy = "convert it to a volume of plain numbers, one per voxel and channel (of complex ones the magnitude)"
        yield Problem(volume.file, "hold numbers", f"voxels of type {volume.data.dtype}", remedy)
        return
    if volume.data.ndim not in (3, 4) or 0 in volume.shape:
        remedy = "give one volume per file, without time points; 2D slice images are read by LoadSliceStackd"
        yield Problem(volume.file, "be a 3D volume (or 4D with channels last)", f"shape {volume.shape}", remedy)
        return
    if not np.isfinite(volume.affine).all() or abs(np.linalg.det(volume.affine[:3, :3])) < 1e-9:
        remedy = "export the volume again with its orientation, or set the header's sform"
        yield Problem(volume.file, "have an affine with three directions", f"{volume.affine.tolist()}", remedy)


def contrast_problems(volume: VolumeFile) -> Iterator[Problem]:
    """Yield a problem for each channel of an image that has one value only: nothing can be learned from it.

    Args:
        volume: image without other problems.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 4, 2)), np.eye(4))
        >>> [problem.found for problem in contrast_problems(volume)]
        ['0 in every voxel of channel 0']
    """
    channels = volume.data[..., None] if volume.data.ndim == 3 else volume.data
    for index in range(channels.shape[3]):
        channel = channels[..., index]
        if channel.size and channel.min() == channel.max():
            remedy = "an empty or failed export: take the original scan, or leave the case out"
            found = f"{channel.flat[0]:g} in every voxel of channel {index}"
            yield Problem(volume.file, "hold an image with contrast", found, remedy)


def channel_problems(volumes: Sequence[VolumeFile], in_channels: int | None = None) -> Iterator[Problem]:
    """Yield a problem where the files of a case hold another number of channels than expected.

    Args:
        volumes: all channel files of a case.
        in_channels: expected; None accepts any number of 3D files.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 4, 2, 3)), np.eye(4))
        >>> [problem.found for problem in channel_problems([volume], 2)]
        ['4D, shape (4, 4, 2, 3)']
    """
    count = sum(volume.num_channels for volume in volumes)
    stack = next((volume for volume in volumes if volume.data.ndim == 4 and not is_slice_image(volume.file)), None)
    if stack is not None and stack.num_channels > 1 and count != in_channels:
        expected = "be a 3D volume" + (f", or a 4D one with {in_channels} channels" if in_channels else "")
        remedy = "take one time point or echo; if the last axis holds channels, set in_channels to their number"
        yield Problem(stack.file, expected, f"4D, shape {stack.shape}", remedy)
    elif in_channels is not None and count != in_channels:
        remedy = "set in_channels, or name all channels in the finder"
        yield Problem(volumes[0].file, f"make {in_channels} channels (in_channels) with its case", f"{count}", remedy)
