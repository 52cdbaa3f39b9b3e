"""Files of one stack: its volume as NIfTI, and the table that names the instance of every slice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
from numpy.typing import NDArray

from bundle.files import write_csv
from bundle.volumes.dicom_series import Stack, read_stack
from bundle.volumes.write_nifti import upright_affine

_COLUMNS = ("slice_index", "sop_instance_uid", "frame", "position_mm", "patient_x", "patient_y", "patient_z")


def write_stack(stack: Stack, folder: Path) -> dict[str, Any]:
    """Write ``volume.nii`` and ``slices.csv``; voxel (i, j, k) is column i and row j of the instance in row k.

    Args:
        stack: without problems.
        folder: to make.

    Returns:
        Facts for ``study.json``; `inputs_sha256` is over the files in the order of the slices.

    Raises:
        FileProblem: pixels are missing or damaged.
        OSError: the disk is full.
    """
    data, digest = read_stack(stack), _digest(stack)
    folder.mkdir()
    save_volume(folder / "volume.nii", data, stack.affine)
    write_csv(folder / "slices.csv", list(slice_rows(stack)), _COLUMNS)
    return {
        "shape": list(stack.shape),
        "affine": stack.affine,
        "modality": stack.planes[0].modality,
        "frame_of_reference_uid": stack.planes[0].frame_of_reference,
        "inputs_sha256": digest,
    }


def save_volume(path: Path, data: NDArray, affine: NDArray) -> None:
    """Save voxels as NIfTI, whose qform is upright where the affine has shear.

    Args:
        path: ends in .nii or .nii.gz.
        data: (X, Y, Z).
        affine: (4, 4), voxel index to mm in RAS.
    """
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(upright_affine(affine, data.shape), code="scanner")
    image.set_sform(affine, code="scanner")
    nib.save(image, path)


def slice_rows(stack: Stack) -> Iterator[dict[str, Any]]:
    """Yield where each slice comes from and where it lies.

    Args:
        stack: of slices.
    """
    for index, (plane, position) in enumerate(zip(stack.planes, stack.positions, strict=True)):
        yield dict(zip(_COLUMNS, (index, plane.uid, plane.frame, position, *plane.position), strict=True))


def _digest(stack: Stack) -> str:
    digest = hashlib.sha256()
    for file in dict.fromkeys(plane.file for plane in stack.planes):
        digest.update(file.read_bytes())
    return digest.hexdigest()
