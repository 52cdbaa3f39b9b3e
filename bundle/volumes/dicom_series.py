"""One DICOM series as a volume, its slices in the order of their positions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.nifti import Voxels
from bundle.volumes.problem import FileProblem, Problem

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNEVEN = 0.1
_SUFFIXES = (".dcm", ".ima", ".dicom")
_SAME = {
    "SeriesInstanceUID": "series",
    "ImageOrientationPatient": "orientations",
    "PixelSpacing": "pixel sizes",
    "Rows": "numbers of rows",
    "Columns": "numbers of columns",
}
_SAME_IF_THERE = {
    "StudyInstanceUID": "studies",
    "PatientID": "patients",
    "FrameOfReferenceUID": "frames of reference",
    "EchoTime": "echo times",
    "DiffusionBValue": "b-values",
    "TemporalPositionIdentifier": "times",
}


def read_dicom_series(folder: str | os.PathLike[str]) -> Voxels:
    """Read a folder with the DICOM files of one series, one file a slice.

    Slices are ordered by their position along the normal of the image plane (row direction x column direction), as in
    ITK, never by instance number: a scan numbered from the head down has slice 0 at the feet. Rescale slope and
    intercept are those of each slice.

    Args:
        folder: its files that are no DICOM images are left aside.

    Returns:
        (X, Y, Z) float32: columns, rows, slices. The affine is in RAS.

    Raises:
        FileProblem: no or several series, slices that are not parallel, evenly spaced and of one size, color images.
        ImportError: pydicom is not installed.

    Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.

    Example:
        >>> import tempfile
        >>> read_dicom_series(tempfile.mkdtemp())  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: ... must hold the DICOM files of one series, got no DICOM image with ...
    """
    slices = _images(folder)
    _require_one_series(folder, slices)
    row, column = np.array(slices[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    normal = np.cross(row, column)
    slices.sort(key=lambda image: float(normal @ np.array(image.ImagePositionPatient, dtype=float)))
    positions = np.array([image.ImagePositionPatient for image in slices], dtype=float)
    step = _require_even(folder, positions, normal)
    between_rows, between_columns = (float(size) for size in slices[0].PixelSpacing)
    affine = np.eye(4)
    affine[:3] = np.stack([row * between_columns, column * between_rows, step, positions[0]], axis=1)
    for image in slices:
        _require_plain_pixels(folder, image)
    data = np.stack([_intensities(image) for image in slices])  # (Z, Y, X)
    return Voxels(data.transpose(2, 1, 0), _TO_RAS @ affine)


def _images(folder: str | os.PathLike[str]) -> list[Any]:
    import pydicom  # an optional package: the caller says what to install

    found: list[Any] = []
    apart: list[Any] = []
    for file in sorted(path for path in Path(folder).iterdir() if path.is_file() and not path.name.startswith(".")):
        try:
            image = pydicom.dcmread(file)
        except pydicom.errors.InvalidDicomError as error:
            if file.stat().st_size and file.suffix.lower() not in _SUFFIXES:
                continue
            raise _refusal(folder, "hold whole DICOM files", f"the damaged {file.name}", "copy it again") from error
        is_slice = all(name in image for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelData"))
        (found if is_slice else apart).append(image)
    if not found:
        remedy = (
            "name the folder of the series itself; export enhanced (multi-frame) files as one file a slice, or NIfTI"
        )
        raise _refusal(folder, "hold the DICOM files of one series", "no DICOM image with a position", remedy)
    if lost := [image for image in apart if image.get("SeriesInstanceUID") == found[0].get("SeriesInstanceUID")]:
        remedy = "copy them again: a slice that is left out would move the labels of those behind it"
        raise _refusal(folder, "hold whole slices", f"{len(lost)} of the series without position or pixels", remedy)
    return found


def _require_one_series(folder: str | os.PathLike[str], slices: Sequence[Any]) -> None:
    for name, words in _SAME.items():
        values = [
            np.round(np.array(image[name].value, dtype=float), 4).tolist()
            if name != "SeriesInstanceUID"
            else str(image[name].value)
            for image in slices
        ]
        count = len({str(value) for value in values})
        if count > 1:
            remedy = "give each series a folder of its own, and leave out scouts"
            raise _refusal(
                folder, "hold the DICOM files of one series", f"{len(slices)} files of {count} {words}", remedy
            )
    _require_same_if_there(folder, slices)
    if slices[0].get("SamplesPerPixel", 1) != 1 or slices[0].get("NumberOfFrames", 1) != 1:
        raise _refusal(folder, "hold gray images of one frame", "color or multi-frame images", "export the scan again")
    if any(image.get("PhotometricInterpretation") == "MONOCHROME1" for image in slices):
        remedy = "convert it to MONOCHROME2: readers do not agree which of its values are bright"
        raise _refusal(folder, "hold images in which high values are bright", "MONOCHROME1", remedy)


def _require_same_if_there(folder: str | os.PathLike[str], slices: Sequence[Any]) -> None:
    for name, words in _SAME_IF_THERE.items():
        if (count := len({str(image.get(name)) for image in slices})) > 1:
            found, remedy = f"{len(slices)} files of {count} {words}", "give each a folder of its own"
            raise _refusal(folder, "hold the DICOM files of one series", found, remedy)


def _require_plain_pixels(folder: str | os.PathLike[str], image: Any) -> None:
    """Refuse pixels that would come out wrong in silence."""
    remedy = "export it again, or see what scripts/prepare_study.py makes of it"
    size = image.Rows * image.Columns * image.BitsAllocated // 8
    rest = b"" if image.file_meta.TransferSyntaxUID.is_compressed else image.PixelData[size:]
    for found, wrong in {
        "mosaics of many slices": "MOSAIC" in (image.get("ImageType") or ()),
        "pixels that are not in the lowest bits": image.HighBit != image.BitsStored - 1,
        "a table of intensities": "ModalityLUTSequence" in image,
        "a rescale slope of 0": image.get("RescaleSlope") == 0,
        "more pixels than rows and columns": len(rest) > 1 and any(rest),
    }.items():
        if wrong:
            raise _refusal(folder, "hold one slice a file, as its header says", found, remedy)


def _require_even(folder: str | os.PathLike[str], positions: NDArray, normal: NDArray) -> NDArray:
    """Return the way from one slice to the next in mm."""
    if len(positions) == 1:
        return normal
    steps = np.diff(positions, axis=0)
    along = steps @ normal
    if along.min() < 1e-3:
        remedy = "give each echo, phase or time point a folder of its own"
        raise _refusal(folder, "hold one slice at a position", "several slices at one position", remedy)
    if np.abs(steps - np.median(steps, axis=0)).max() > _UNEVEN * np.median(along):
        found = f"slices from {along.min():.3g} to {along.max():.3g} mm apart"
        remedy = "copy the slices that are missing, or resample the scan to even distances"
        raise _refusal(folder, "hold slices at even distances", found, remedy)
    return (positions[-1] - positions[0]) / (len(positions) - 1)


def _intensities(image: Any) -> NDArray:
    slope, intercept = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
    return (image.pixel_array * slope + intercept).astype(np.float32)


def _refusal(folder: str | os.PathLike[str], expected: str, found: str, remedy: str) -> FileProblem:
    return FileProblem(Problem(os.fspath(folder), expected, found, remedy))
