"""Volumes as channel-first tensors that know where they lie in space."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor, NibabelReader, correct_nifti_header_if_necessary
from monai.transforms import EnsureChannelFirst, LoadImage
from torch import Tensor

from bundle.volumes.nifti import is_nifti, load_nifti

_read_any = LoadImage(image_only=True, ensure_channel_first=True, dtype=torch.float32)


def read_volume(path: str | os.PathLike[str]) -> MetaTensor:
    """Read a volume of any format that MONAI reads (NIfTI, a folder with one DICOM series where pydicom is installed).

    Args:
        path: file, or folder of a DICOM series; the last axis of a 4D NIfTI file becomes the channels.

    Returns:
        (C,X,Y,Z) float32 with `affine` (RAS, mm) and `meta["filename_or_obj"]`.

    Raises:
        FileNotFoundError: nothing lies at the path.
        ValueError: the file cannot be read or is not a volume.

    Example:
        >>> read_volume("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: nowhere.nii.gz must be a volume, got no such file: correct the path.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} must be a volume, got no such file: correct the path.")
    try:
        volume = _read_nifti(path) if is_nifti(path) else _read_any(os.fspath(path))
    except Exception as error:  # every reader has its own errors; all mean the same to the user
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(
            f"{path} must be a readable volume, got the reader's error {reason!r}: export the file again, or install "
            "its reader (pydicom for DICOM)."
        ) from error
    if volume.ndim != 4 or 0 in volume.shape:
        raise ValueError(
            f"{path} must be a 3D volume (or 4D with channels last), got spatial shape {tuple(volume.shape[1:])}: "
            "give one volume per file; for 2D slice images use LoadSliceStackd."
        )
    return volume


def _read_nifti(path: str | os.PathLike[str]) -> Tensor:
    """Return what `LoadImage` returns, left in the order of the file.

    There each slice is one piece of memory. `LoadImage` turns the volume so that a slice is scattered over all of it,
    and cutting slices would turn it back.
    """
    reader = NibabelReader()
    # `get_data` pairs images with the file names that `read` would note (tried with monai 1.6.1); a reader that takes
    # an opened image, or keeps the order of the file, would remove this
    reader.filenames = (os.fspath(path),)
    voxels, meta = reader.get_data(correct_nifti_header_if_necessary(load_nifti(path)))
    meta["filename_or_obj"] = os.fspath(path)
    volume = MetaTensor.ensure_torch_and_prune_meta(torch.from_numpy(np.asarray(voxels, dtype=np.float32)), meta)
    return EnsureChannelFirst()(volume)
