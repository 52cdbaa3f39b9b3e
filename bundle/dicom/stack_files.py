"""Files of one stack: its volume as NIfTI, and the table that names the instance of every slice."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bundle.files import write_csv
from bundle.volumes.dicom_series import Stack, is_int16, read_stack, stack_slices
from bundle.volumes.problem import FileProblem
from bundle.volumes.write_nifti import upright_affine

_COLUMNS = ("slice_index", "sop_instance_uid", "frame", "position_mm", "patient_x", "patient_y", "patient_z")


def write_stack(stack: Stack, folder: Path) -> dict[str, Any]:
    """Write ``volume.nii`` and ``slices.csv``; voxel (i, j, k) is column i and row j of the instance in row k.

    Args:
        stack: without problems.
        folder: to make; it is not there where the stack cannot be read.

    Returns:
        Facts for ``study.json``; `inputs_sha256` is over the files in the order of the slices.

    Raises:
        FileProblem: pixels are missing or damaged.
        OSError: the disk is full.
    """
    folder.mkdir()
    try:
        if not save_slices(folder / "volume.nii", stack):
            save_volume(folder / "volume.nii", read_stack(stack), stack.affine)
    except FileProblem:
        shutil.rmtree(folder)
        raise
    write_csv(folder / "slices.csv", list(slice_rows(stack)), _COLUMNS)
    return {
        "shape": list(stack.shape),
        "affine": stack.affine,
        "modality": stack.planes[0].modality,
        "frame_of_reference_uid": stack.planes[0].frame_of_reference,
        "inputs_sha256": _digest(stack),
    }


def save_slices(path: Path, stack: Stack) -> bool:
    """Save the voxels of a stack as `save_volume` does, each slice as it is read, if all are whole numbers of 16 bits.

    Args:
        path: ends in .nii.
        stack: without problems.

    Returns:
        Whether they are; if not, the file is not whole.

    Raises:
        FileProblem: pixels are missing or damaged.
    """
    image = _image(np.broadcast_to(np.int16(0), stack.shape), stack.affine)
    image.header.set_slope_inter(1, 0)
    with path.open("wb") as file:
        image.header.write_to(file)
        file.write(bytes(image.header.get_data_offset() - file.tell()))
        for pixels in stack_slices(stack):
            if not is_int16(pixels):
                return False
            file.write(np.ascontiguousarray(pixels, dtype="<i2").data)
    return True


def save_volume(path: Path, data: NDArray, affine: NDArray) -> None:
    """Save voxels as NIfTI, whose qform is upright where the affine has shear.

    Args:
        path: ends in .nii or .nii.gz.
        data: (X, Y, Z).
        affine: (4, 4), voxel index to mm in RAS.
    """
    nib.save(_image(data, affine), path)


def _image(data: NDArray, affine: NDArray) -> nib.Nifti1Image:
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(upright_affine(affine, data.shape), code="scanner")
    image.set_sform(affine, code="scanner")
    return image


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
