"""Pixels of uncompressed gray images of 16 bits, read by what the header said when it was read first."""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

_SAME = {"BitsAllocated": 16, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}
_KINDS = {0: "<u2", 1: "<i2"}
_PIXEL_DATA, _INSTANCE = b"\xe0\x7f\x10\x00", b"\x08\x00\x18\x00"
"""Tags."""


class PlainPixels(NamedTuple):
    """Encoding of the pixels of an image that is nothing but rows of numbers of 16 bits, the last value of its file.

    Args:
        kind: of the numbers.
        bits: of 16 that belong to the image.
        intercept: to add to them; there is no slope.
        is_implicit: no value of the file tells its representation.
    """

    kind: str
    bits: int
    intercept: int
    is_implicit: bool


def plain_pixels(image: FileDataset) -> PlainPixels | None:
    """Return how the pixels of an image are encoded; None where that is not plain.

    Args:
        image: header.

    Example:
        >>> plain_pixels(FileDataset("a", {})) is None
        True
    """
    syntax = image.file_meta.get("TransferSyntaxUID")
    if (
        syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        or any(image.get(name) != value for name, value in _SAME.items())
        or any(name in image for name in ("NumberOfFrames", "ModalityLUTSequence"))
    ):
        return None
    scale = image.get("RescaleSlope"), image.get("RescaleIntercept")
    slope, intercept = (1, 0) if scale == (None, None) else scale
    try:
        kind, bits, by = _KINDS[image.PixelRepresentation], int(image.BitsStored), int(intercept)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):  # none, or several
        return None
    is_plain = slope == 1 and intercept == by and 1 <= bits <= 16
    return PlainPixels(kind, bits, by, syntax == ImplicitVRLittleEndian) if is_plain else None


def read_plain(data: bytes, instance: str, size: tuple[int, int], plain: PlainPixels) -> NDArray | None:
    """Return the pixels of an image, without its intercept; None where they are not the last value of its file.

    Args:
        data: content of the file.
        instance: SOP Instance UID of the image; None is returned where the file holds another one by now.
        size: rows and columns.
        plain: of the image.

    Source: DICOM PS3.5 7.1.2, 7.1.3, 8.1.1.
    """
    length = 2 * size[0] * size[1]
    if _instance_element(instance, plain) not in data:
        return None
    head = _PIXEL_DATA + (b"" if plain.is_implicit else b"OW\0\0") + struct.pack("<L", length)
    if not length or data[-length - len(head) : -length] != head:
        return None
    pixels = np.frombuffer(data, plain.kind, offset=len(data) - length).reshape(size)
    rest = 16 - plain.bits  # what lies in the other bits is not of the image
    return pixels << rest >> rest if rest else pixels


def _instance_element(instance: str, plain: PlainPixels) -> bytes:
    """Return the SOP Instance UID as its file holds it."""
    value = instance.encode() + b"\0" * (len(instance) % 2)
    length = struct.pack("<L", len(value)) if plain.is_implicit else b"UI" + struct.pack("<H", len(value))
    return _INSTANCE + length + value
