"""Volumes as their files hold them: nothing reoriented, nothing scaled, so that checks see what is on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from bundle.keys import IMAGE, LABEL, ORGAN
from bundle.volumes.nifti import NIBABEL_SUFFIXES, Voxels, read_nibabel
from bundle.volumes.other_formats import ITK_SUFFIXES, read_itk
from bundle.volumes.problem import FileProblem, Problem, reading_problem
from bundle.volumes.slice_images import SLICE_SUFFIXES, is_slice_image, read_slice_images

ROUNDING = 1e-3
"""A mask value so near to a whole number is that number: resampling and scaled headers round."""
_NO_VOLUMES = (".csv", *SLICE_SUFFIXES)
# of a pair .hdr and .img, the header names the volume
VOLUME_SUFFIXES = (*(suffix for suffix in NIBABEL_SUFFIXES if suffix != ".img"), *ITK_SUFFIXES)


class VolumePath(os.PathLike[str]):
    """Path of a volume that is read once: its voxels stay in memory as long as the path object lives.

    The checks look at a file as it lies on disk and the transforms make a tensor of it; decompressing it twice would
    cost a third of ingestion.

    Args:
        path: a volume file or a folder with a DICOM series.

    Example:
        >>> path = VolumePath("scans/a.nii.gz")
        >>> str(path), os.fspath(path)
        ('scans/a.nii.gz', 'scans/a.nii.gz')
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._voxels: Voxels | None = None

    def __fspath__(self) -> str:
        return self.path

    def __str__(self) -> str:
        return self.path

    def __repr__(self) -> str:
        return repr(self.path)

    def exists(self) -> bool:
        """Return whether there is something to read."""
        return Path(self.path).exists()

    def read(self) -> Voxels:
        """Return what is in the file; its arrays are those of all readers."""
        if self._voxels is None:
            self._voxels = read_voxels(self.path)
        return self._voxels


@dataclass(frozen=True)
class VolumeFile:
    """Voxels (X, Y, Z) or (X, Y, Z, channels) in file order, and where they lie.

    Args:
        file: the file, or the first of the slice images.
        data: voxel values.
        affine: voxel index to millimeters, (4, 4).
        oriented: False where the file does not say how it lies in the body.
        warnings: what is odd about its header.

    Example:
        >>> volume = VolumeFile("a.nii", np.zeros((4, 5, 6)), np.diag([1.0, 1.0, 5.0, 1.0]))
        >>> volume.spacing, volume.num_channels
        ((1.0, 1.0, 5.0), 1)
    """

    file: str
    data: np.ndarray
    affine: np.ndarray
    oriented: bool = True
    warnings: tuple[Problem, ...] = ()

    @classmethod
    def read(cls, files: Sequence[str | os.PathLike[str]]) -> VolumeFile:
        """Read one volume file or DICOM folder, or a list of slice images stacked along the third axis.

        Raises:
            FileNotFoundError: nothing lies at a path.
            FileProblem: the file cannot be read; says why.
        """
        first = files[0]
        if not exists(first):
            raise FileNotFoundError(f"{first} must be a volume, got no such file: correct the path.")
        try:
            if is_slice_image(first):
                return cls(os.fspath(first), *read_slice_images(files))
            return cls(os.fspath(first), *(first.read() if isinstance(first, VolumePath) else read_voxels(first)))
        except FileProblem:
            raise
        except Exception as error:  # every reader has its own errors
            raise FileProblem(reading_problem(os.fspath(first), error, VOLUME_SUFFIXES)) from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as the file has it."""
        return tuple(int(length) for length in self.data.shape)

    @property
    def num_channels(self) -> int:
        """Channels of a 4D file (its last axis), one of a 3D file."""
        return self.shape[3] if self.data.ndim == 4 else 1

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size in millimeters along the three axes of the file."""
        return tuple(round(float(size), 3) for size in nib.affines.voxel_sizes(self.affine))


def read_voxels(path: str | os.PathLike[str]) -> Voxels:
    """Read a volume by the reader of its format.

    Args:
        path: file, or folder with one DICOM series.

    Raises:
        Exception: what the reader raises.
    """
    name = os.fspath(path).lower()
    if Path(path).is_dir():
        from bundle.volumes.dicom_series import read_dicom_series  # needs an optional package

        return read_dicom_series(path)
    if name.endswith(ITK_SUFFIXES):
        return read_itk(path)
    if name.endswith(".dcm"):
        remedy = "name the folder of its series, which then holds nothing else"
        raise FileProblem(Problem(os.fspath(path), "be a volume", "a single DICOM file", remedy))
    if name.endswith(".npy"):
        return Voxels(np.load(path), np.eye(4), False)
    return read_nibabel(path)


def with_volume_paths(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case dictionary whose volumes are read once, however many transforms and checks take them.

    Args:
        item: case dictionary with paths, or lists of paths.

    Example:
        >>> with_volume_paths({"image": ["a.nii", "b.nii"], "label": "labels.csv", "case": "a"})
        {'image': ['a.nii', 'b.nii'], 'label': 'labels.csv', 'case': 'a'}
    """
    known: dict[str, VolumePath] = {}

    def wrapped(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [wrapped(entry) for entry in value]
        if isinstance(value, VolumePath):
            return copy(value)  # the voxels go with the copy, not only with the list of all cases
        if not isinstance(value, str | os.PathLike) or os.fspath(value).lower().endswith(_NO_VOLUMES):
            return value
        return known.setdefault(os.fspath(value), VolumePath(value))

    return {key: wrapped(value) if key in (IMAGE, LABEL, ORGAN) else value for key, value in item.items()}


def exists(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is something to read at a path."""
    return path.exists() if isinstance(path, VolumePath) else Path(path).exists()


def is_volume(file: str | os.PathLike[str]) -> bool:
    """Tell whether the file is a volume by its name; macOS's `._` twins are none.

    Example:
        >>> is_volume("scans/a.nii.gz"), is_volume("scans/._a.nii.gz"), is_volume("a.txt")
        (True, False, False)
    """
    name = Path(file).name
    return name.lower().endswith(VOLUME_SUFFIXES) and not name.startswith(".")
