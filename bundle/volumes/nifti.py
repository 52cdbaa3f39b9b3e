"""Volumes that nibabel reads (NIfTI, MGH, Analyze): one rule for their headers, read to the end."""

from __future__ import annotations

import gzip
import os
from contextlib import suppress
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from bundle.volumes.geometry import corner_distance
from bundle.volumes.problem import Problem

NIFTI_SUFFIXES = (".nii", ".nii.gz")
NIBABEL_SUFFIXES = (*NIFTI_SUFFIXES, ".mgz", ".mgh", ".hdr", ".img")
_REST = 2**20


class Voxels(NamedTuple):
    """Content of a volume file, as every reader returns it.

    Args:
        data: (X, Y, Z) or (X, Y, Z, channels), in the file's order and type.
        affine: (4, 4), voxel index to millimeters, by which everything else goes.
        oriented: False where the file does not say how it lies in the body.
        warnings: what is odd about the header.
    """

    data: NDArray
    affine: NDArray
    oriented: bool = True
    warnings: tuple[Problem, ...] = ()


def is_nifti(path: object) -> bool:
    """Tell whether a path names a NIfTI file.

    Example:
        >>> is_nifti("a.NII.gz"), is_nifti("a.csv"), is_nifti(None)
        (True, False, False)
    """
    return isinstance(path, str | os.PathLike) and os.fspath(path).lower().endswith(NIFTI_SUFFIXES)


def read_nibabel(path: str | os.PathLike[str]) -> Voxels:
    """Read a NIfTI, MGH or Analyze file.

    The affine is nibabel's: the sform if it is coded, else the qform if it is coded, else the voxel size alone. No
    other rule is used anywhere, so that checks, slices and maps agree with each other and with viewers.

    Args:
        path: of the file, or of one of a pair (.hdr, .img).

    Raises:
        Exception: what nibabel and gzip raise at a missing or broken file.

    Example:
        >>> read_nibabel("nowhere.nii.gz")
        Traceback (most recent call last):
        FileNotFoundError: No such file or no access: 'nowhere.nii.gz'
    """
    image = nib.load(path)
    data = _to_the_end(path, image) if _is_compressed(path) else np.asanyarray(image.dataobj)
    if data.ndim == 5 and data.shape[3] == 1:  # how ITK stores vectors: (X, Y, Z, 1, channels)
        data = data[:, :, :, 0]
    if not _is_oriented(image):
        remedy = (
            "copy the header of the original scan, or go on if all files of the data set are alike: left and right "
            "may be exchanged"
        )
        expected = "say how it lies in the body, by an sform or a qform"
        unknown = Problem(os.fspath(path), expected, "a header without orientation", remedy, "warning")
        return Voxels(data, image.affine, False, (unknown,))
    return Voxels(data, image.affine, True, tuple(_disagreements(path, image)))


def _is_compressed(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).lower().endswith((".nii.gz", ".mgz"))


def _to_the_end(path: str | os.PathLike[str], image: Any) -> NDArray:
    """Unpack to the end of the stream, where gzip compares checksum and length; nibabel stops at the last voxel."""
    with gzip.open(path) as stream:
        data = np.asanyarray(type(image).from_stream(stream).dataobj)
        while stream.read(_REST):
            pass
    return data


def _is_oriented(image: Any) -> bool:
    header = image.header
    if isinstance(image, nib.Nifti1Pair):
        return bool(header["sform_code"] > 0 or header["qform_code"] > 0)
    if isinstance(image, nib.MGHImage):
        return bool(header["goodRASFlag"])
    return not np.allclose(image.affine, header.get_base_affine())  # Analyze has an affine in a .mat file only


def _disagreements(path: str | os.PathLike[str], image: Any) -> list[Problem]:
    """Warn where qform or voxel size put a corner more than a voxel away from where the affine puts it."""
    if not isinstance(image, nib.Nifti1Pair) or not np.isfinite(image.affine).all():
        return []
    shape = image.shape[:3] + (1,) * (3 - len(image.shape[:3]))
    found = []
    for name, affine in _other_forms(image).items():
        _, voxels = corner_distance(image.affine, affine, shape)
        if voxels > 1:
            form = "sform" if image.header["sform_code"] > 0 else "qform"
            remedy = f"the {form} is taken, as by nibabel; another program may take the other: write the header again"
            found.append(
                Problem(
                    os.fspath(path),
                    f"have one {name} and {form}",
                    f"two that are {voxels:.3g} voxels apart at a corner",
                    remedy,
                    "warning",
                )
            )
    return found


def _other_forms(image: Any) -> dict[str, NDArray]:
    header, sizes = image.header, np.asarray(image.header["pixdim"][1:4], dtype=float)
    forms = {}
    if header["sform_code"] > 0 and header["qform_code"] > 0:
        with suppress(HeaderDataError, ValueError):  # no rotation: nobody can read it, so nobody is misled
            forms["qform"] = header.get_qform()
    if np.isfinite(sizes).all() and (sizes > 0).all():
        scaled = image.affine.copy()
        lengths = nib.affines.voxel_sizes(image.affine)
        scaled[:3, :3] *= sizes / np.where(lengths > 0, lengths, 1)
        forms["voxel size (pixdim)"] = scaled
    return forms
