"""Pixels of planes as intensities: decoded, and taken through the modality LUT of each slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels import apply_modality_lut, get_decoder, iter_pixels, pixel_array
from pydicom.uid import HTJ2K, JPEG2000, UID

from bundle.volumes.dicom_series.codestream import claim_problems
from bundle.volumes.dicom_series.open_file import reopen_dicom
from bundle.volumes.dicom_series.plain_pixels import read_plain
from bundle.volumes.dicom_series.planes import Plane
from bundle.volumes.problem import FileProblem, Problem, raise_first

_WAVELETS = (JPEG2000, HTJ2K)
"""Transfer syntaxes that may lose; JPEG2000Lossless may not."""
_CODESTREAM, _CODING = b"\xff\x4f\xff\x51", b"\xff\x52"
_LARGEST = np.finfo(np.float32).max
_DECODERS = "python-gdcm"
"""The one package that decodes every common transfer syntax."""


def decoder_problems(planes: Sequence[Plane], label: str) -> Iterator[Problem]:
    """Yield the transfer syntaxes that nothing installed decodes.

    Args:
        planes: to be read.
        label: name of the stack.
    """
    for syntax in sorted({plane.syntax for plane in planes}):
        name = UID(syntax).name
        try:
            if not get_decoder(syntax).is_available:
                yield Problem(label, "be compressed as a decoder here reads it", name, f"pip install {_DECODERS}")
        except NotImplementedError:
            yield Problem(label, "have a transfer syntax of images", name, "export it uncompressed")


def read_voxels(planes: Sequence[Plane], images: dict[Path, FileDataset] | None = None) -> NDArray:
    """Read the intensities of planes, in their order.

    Args:
        planes: of one size.
        images: that `read_headers` kept; each is taken out as it is decoded.

    Returns:
        (X, Y, Z), columns, rows, slices: int16 or uint16 where that holds every value exactly, else float32.

    Raises:
        ValueError: pixels are missing, damaged, or of another size than the header says.

    Source: modality LUT, DICOM PS3.3 C.11.1; pixel value transformation of frames, C.7.6.16.2.9.
    """
    data = np.empty(
        (len(planes), *planes[0].size), dtype=np.int16
    )  # what most scanners' values fit, in a fourth of float64
    for done, image in enumerate(read_slices(planes, images)):
        if data.dtype == np.int16 and not is_int16(image):
            data = data.astype(np.float32)
        data[done] = image
    return (data.astype(np.uint16) if data.dtype != np.int16 and _fits(data, np.uint16) else data).transpose(2, 1, 0)


def read_slices(planes: Sequence[Plane], images: dict[Path, FileDataset] | None = None) -> Iterator[NDArray]:
    """Yield the intensities of each plane, (rows, columns), see `read_voxels`.

    Args:
        planes: of one size.
        images: see `read_voxels`.

    Raises:
        ValueError: pixels are missing, damaged, or of another size than the header says.
    """
    for file, group in groupby(planes, key=lambda plane: plane.file):
        for image in _intensities(file, list(group), images.pop(file, None) if images else None):
            if image.shape != planes[0].size:
                size = " x ".join(map(str, planes[0].size))
                raise ValueError(f"{planes[0].label} must have {size} pixels, got {image.shape}: export it again.")
            if image.dtype.kind == "f" and not np.abs(image).max() <= _LARGEST:
                found, remedy = "NaN, infinite ones or too large ones", "export the series again"
                raise FileProblem(Problem(planes[0].label, "hold intensities that are numbers", found, remedy))
            yield image


def is_int16(image: NDArray) -> bool:
    """Return whether int16 holds every value exactly.

    Args:
        image: of a slice.
    """
    return image.dtype == np.int16 or _fits(image, np.int16)


def same_pixels(plane: Plane, other: Plane) -> bool:
    """Return whether two planes have equal intensities; False where one cannot be read.

    Args:
        plane: one.
        other: at the same position.
    """
    try:
        return plane.size == other.size and np.array_equal(read_voxels([plane]), read_voxels([other]))
    except Exception:  # of any decoder; the stack is then refused, for these two or for what is wrong with the file
        return False


def is_irreversible(plane: Plane) -> bool:
    """Return whether the file of a plane holds JPEG 2000 of the wavelet that loses, of which its header may be silent.

    Args:
        plane: of any transfer syntax.

    Source: ISO/IEC 15444-1 A.5.1, A.6.1; the 14th byte of the segment COD is 0 for the wavelet 9-7.
    """
    if plane.syntax not in _WAVELETS:
        return False
    with plane.file.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        start = data.find(_CODESTREAM)
        coding = data.find(_CODING, start) if start >= 0 else -1
        return coding >= 0 and data[coding + 13 : coding + 14] == b"\0"  # a file may be cut off before


def _intensities(file: Path, planes: Sequence[Plane], kept: FileDataset | None) -> Iterator[NDArray]:
    plane = planes[0]
    if plane.plain and (pixels := read_plain(file.read_bytes(), plane.uid, plane.size, plane.plain)) is not None:
        yield _shifted(pixels, plane.plain.intercept)
        return
    image = reopen_dicom(file, plane.uid, plane.label) if kept is None else kept
    _check_length(image, plane.label)
    raise_first(claim_problems(image, plane.label))
    if plane.frame is None:
        yield _modality(pixel_array(image), image)  # the property also watches what it was made of
        return
    numbers = [plane.frame - 1 for plane in planes if plane.frame is not None]
    for index, pixels in zip(numbers, iter_pixels(image, raw=True, indices=numbers), strict=True):
        yield _transformed(pixels, image, index)


def _transformed(pixels: NDArray, image: FileDataset, index: int) -> NDArray:
    """Apply the pixel value transformation of a frame, else the shared one, else the modality LUT of the image."""
    shared = next(iter(image.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    for groups in (image.PerFrameFunctionalGroupsSequence[index], shared):
        for item in groups.get("PixelValueTransformationSequence") or ():
            return _modality(pixels, item)
    return _modality(pixels, image)


def _modality(pixels: NDArray, image: Dataset) -> NDArray:
    """Apply slope and intercept of an image, or of the item of a frame."""
    given = {name: image.get(name) is not None for name in ("RescaleSlope", "RescaleIntercept")}
    if any(given.values()) and not all(given.values()):  # pydicom then applies neither
        image.RescaleSlope = image.RescaleSlope if given["RescaleSlope"] else 1
        image.RescaleIntercept = image.RescaleIntercept if given["RescaleIntercept"] else 0
    slope, intercept = image.get("RescaleSlope", 1), image.get("RescaleIntercept", 0)
    small = pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2 and "ModalityLUTSequence" not in image
    if small and slope == 1 and float(intercept).is_integer():  # in whole numbers: faster than pydicom, in float64
        return _shifted(pixels, int(intercept))
    return apply_modality_lut(pixels, image)


def _shifted(pixels: NDArray, by: int) -> NDArray:
    """Return pixels with a number added, as int16 where that holds them: a copy less for each slice."""
    kind = np.int16 if _fits(np.array([int(pixels.min()) + by, int(pixels.max()) + by]), np.int16) else np.int32
    return np.add(pixels, by, out=np.empty(pixels.shape, kind), dtype=np.int32, casting="unsafe")


def _check_length(image: FileDataset, label: str) -> None:
    """Refuse more pixels than rows and columns say, which pydicom cuts off: another matrix would come out sheared."""
    if not any(name in image for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise FileProblem(Problem(label, "hold pixel data", "an image without", "copy or export the series again"))
    if "PixelData" not in image or image.file_meta.TransferSyntaxUID.is_compressed:
        return
    bits = image.BitsAllocated * image.Rows * image.Columns * int(image.get("NumberOfFrames") or 1)
    rest = image.PixelData[-(-bits // 8) :]
    if len(rest) > 1 and any(rest):
        found, remedy = f"{len(rest)} bytes more than its rows and columns have", "export the series again"
        raise FileProblem(Problem(label, "hold as many pixels as its header says", found, remedy))


def _fits(data: NDArray, kind: type[np.integer]) -> bool:
    """Return whether a type of whole numbers holds every value exactly."""
    limits = np.iinfo(kind)
    whole = data.dtype.kind in "iu" or np.array_equal(data, np.rint(data))
    return bool(whole and limits.min <= data.min() and data.max() <= limits.max)
