"""Volumes as their files hold them: nothing reoriented, nothing scaled, so that checks see what is on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from monai.transforms import LoadImage
from PIL import Image

from bundle.volumes.nifti import NIFTI_SUFFIXES, is_nifti, load_nifti

ROUNDING = 1e-3
"""A mask value so near to a whole number is that number: resampling and scaled headers round."""
VOLUME_SUFFIXES = (*NIFTI_SUFFIXES, ".nrrd", ".mha", ".mhd")
SLICE_SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp"})


@dataclass(frozen=True)
class VolumeFile:
    """Voxels (X, Y, Z) or (X, Y, Z, channels) in file order, and where they lie.

    Args:
        file: the file, or the first of the slice images.
        data: voxel values.
        affine: voxel index to millimeters, (4, 4).
        file_order: the third axis is sliced, wherever it runs in the body.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 5, 6)), np.diag([1.0, 1.0, 5.0, 1.0]))
        >>> volume.num_slices, volume.spacing, volume.num_channels
        (6, (1.0, 1.0, 5.0), 1)
    """

    file: str
    data: np.ndarray
    affine: np.ndarray
    file_order: bool = False

    @classmethod
    def read(cls, files: Sequence[str | os.PathLike[str]], *, file_order: bool = False) -> VolumeFile:
        """Read one volume file, or a list of slice images stacked along the third axis.

        Raises:
            Exception: whatever the reader of the format raises at a broken file.
        """
        name = os.fspath(files[0])
        if is_slice_image(name):
            return cls(name, np.stack([_read_slice(file=file) for file in files], axis=2), np.eye(4), file_order)
        if is_nifti(name):
            image = load_nifti(files[0])
            return cls(name, np.asanyarray(image.dataobj), image.affine, file_order)
        volume = LoadImage(image_only=True)(name)
        return cls(name, volume.numpy(), np.asarray(volume.affine), file_order)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as the file has it."""
        return self.data.shape

    @property
    def num_channels(self) -> int:
        """Channels of a 4D file (its last axis), one of a 3D file."""
        return self.shape[3] if self.data.ndim == 4 else 1

    @property
    def slice_axis(self) -> int:
        """The axis that is sliced: the one that runs most along the body, from feet to head, or the third."""
        if self.file_order:
            return 2
        axes = nib.io_orientation(self.affine)[:, 0]
        return int(np.argmax(axes == 2)) if (axes == 2).any() else 2

    @property
    def num_slices(self) -> int:
        """Length of the sliced axis; one for a flat image."""
        return self.shape[self.slice_axis] if self.data.ndim > self.slice_axis else 1

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size in millimeters along the three axes of the file."""
        return tuple(round(float(size), 3) for size in nib.affines.voxel_sizes(self.affine))

    def positive_slices(self, above: float = 0) -> int | None:
        """Return how many slices of a mask have a value above a number; None for a file that is no volume."""
        if self.data.ndim not in (3, 4):
            return None
        in_slice = tuple(axis for axis in range(self.data.ndim) if axis != self.slice_axis)
        return int(np.any(self.data > above + ROUNDING, axis=in_slice).sum())


def is_slice_image(file: str | os.PathLike[str]) -> bool:
    """Tell whether the file is a picture of one slice and not a volume."""
    return Path(file).suffix.lower() in SLICE_SUFFIXES


def is_volume(file: str | os.PathLike[str]) -> bool:
    """Tell whether the file is a volume by its name; macOS's `._` twins are none.

    Example:
        >>> is_volume("scans/a.nii.gz"), is_volume("scans/._a.nii.gz"), is_volume("a.txt")
        (True, False, False)
    """
    name = Path(file).name
    return name.lower().endswith(VOLUME_SUFFIXES) and not name.startswith(".")


def _read_slice(*, file: str | os.PathLike[str]) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)
