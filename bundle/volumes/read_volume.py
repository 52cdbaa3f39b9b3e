"""One file of voxels as a channel-first tensor that knows where it lies in space."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor, NibabelReader, correct_nifti_header_if_necessary
from monai.transforms import EnsureChannelFirst, LoadImage
from torch import Tensor

from bundle.volumes.nifti import load_nifti

NIFTI = (".nii", ".nii.gz")
read_any = LoadImage(image_only=True, ensure_channel_first=True, dtype=torch.float32)


def read_volume(path: str | PathLike[str]) -> MetaTensor:
    """Read a volume of any format that MONAI reads (NIfTI, a folder with one DICOM series where pydicom is installed).

    Args:
        path: file, or folder of a DICOM series; the last axis of a 4D NIfTI file becomes the channels.

    Returns:
        (C,X,Y,Z) float32 with `affine` (RAS, mm) and `meta["filename_or_obj"]`.

    Raises:
        FileNotFoundError: when nothing lies at the path.
        ValueError: when the file cannot be read or is not a volume.

    Example:
        >>> read_volume("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: nowhere.nii.gz: expected a volume but nothing lies there: correct the path.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: expected a volume but nothing lies there: correct the path.")
    try:
        volume = read_nifti(str(path)) if str(path).lower().endswith(NIFTI) else read_any(str(path))
    except Exception as error:  # every reader has its own errors; all mean the same to the user
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(
            f"{path}: expected a readable volume but the readers failed ({reason}): export the file again, "
            "or install its reader (pydicom for DICOM)."
        ) from error
    if volume.ndim != 4 or 0 in volume.shape:
        raise ValueError(
            f"{path}: expected a 3D volume (or 4D with channels last) but got spatial shape {tuple(volume.shape[1:])}: "
            "give one volume per file; for 2D slice images use LoadSliceStackd."
        )
    return volume


def read_nifti(path: str) -> Tensor:
    """Return what `LoadImage` returns, left in the order of the file.

    There each slice is one piece of memory. `LoadImage` turns the volume so that a slice is scattered over all of it,
    and cutting slices would turn it back.
    """
    reader = NibabelReader()
    reader.filenames = (path,)  # which its `read` would note
    voxels, meta = reader.get_data(correct_nifti_header_if_necessary(load_nifti(path)))
    meta["filename_or_obj"] = path
    volume = MetaTensor.ensure_torch_and_prune_meta(torch.from_numpy(np.asarray(voxels, dtype=np.float32)), meta)
    return EnsureChannelFirst()(volume)
