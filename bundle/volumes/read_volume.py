"""Volumes as channel-first tensors that know where they lie in space."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bundle.volumes.case_files import CaseFiles
from bundle.volumes.mask import to_class_numbers
from bundle.volumes.problem import raise_first
from bundle.volumes.volume_file import VolumeFile

if TYPE_CHECKING:
    from monai.data import MetaTensor


def read_volume(path: str | os.PathLike[str]) -> MetaTensor:
    """Read a volume: NIfTI, MGH, Analyze, NRRD, MetaImage, or a folder with one DICOM series.

    Args:
        path: file, or folder of a DICOM series; the last axis of a 4D file becomes the channels.

    Returns:
        (C,X,Y,Z) float32 with `affine` (RAS, mm) and `meta["filename_or_obj"]`.

    Raises:
        ValueError: there is no file, it cannot be read or is not a volume of finite numbers.

    Example:
        >>> read_volume("nowhere.nii.gz")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: nowhere.nii.gz must be the file of a channel, got no such file: copy it ...
    """
    volumes, problems = CaseFiles().channels([path])
    raise_first(problems)
    return image_tensor(volumes)


def image_tensor(channels: Sequence[VolumeFile]) -> MetaTensor:
    """Return channels on one grid as a tensor (C,X,Y,Z) float32, left in the order of the file.

    There each slice is one piece of memory. MONAI's `LoadImage` turns the volume so that a slice is scattered over all
    of it, and cutting slices would turn it back.

    Args:
        channels: volumes without problems; 4D ones hold channels last.

    Example:
        >>> image_tensor([VolumeFile("a.nii", np.zeros((4, 5, 6, 2)), np.eye(4))]).shape
        torch.Size([2, 4, 5, 6])
    """
    voxels = [_channels_first(volume).astype(np.float32, copy=False) for volume in channels]
    # joined in the order of the file, by NumPy, as its large pages take a third of the time
    joined = voxels[0] if len(voxels) == 1 else np.concatenate([each.transpose(0, 3, 2, 1) for each in voxels])
    return _tensor(channels[0], joined if len(voxels) == 1 else joined.transpose(0, 3, 2, 1))


def mask_tensor(mask: VolumeFile) -> MetaTensor:
    """Return a mask without problems as a tensor (1,X,Y,Z) of whole numbers, uint8 where that holds them.

    Example:
        >>> mask_tensor(VolumeFile("m.nii", np.full((4, 5, 6), 0.9999), np.eye(4))).unique()
        metatensor([1], dtype=torch.uint8)
    """
    return _tensor(mask, to_class_numbers(_channels_first(mask)))


def _channels_first(volume: VolumeFile) -> np.ndarray:
    return volume.data[None] if volume.data.ndim == 3 else np.moveaxis(volume.data, -1, 0)


def _tensor(volume: VolumeFile, voxels: np.ndarray) -> MetaTensor:
    import torch  # here, because these take seconds, and who only reads headers does without
    from monai.data import MetaTensor

    affine = np.asarray(volume.affine, dtype=np.float64)
    meta = {"filename_or_obj": volume.file, "original_affine": affine.copy(), "space": "RAS", "original_channel_dim": 0}
    if not volume.oriented:
        meta["no_orientation"] = True
    # torch knows neither big-endian numbers nor negative strides, of turned axes
    native = np.ascontiguousarray(voxels) if min(voxels.strides, default=0) < 0 else voxels
    return MetaTensor(torch.from_numpy(native), affine=torch.from_numpy(affine.copy()), meta=meta)
