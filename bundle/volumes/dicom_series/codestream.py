"""Size that a compressed frame says of itself, compared with the header of its image before a decoder believes it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import JPEG2000TransferSyntaxes, JPEGLSTransferSyntaxes, JPEGTransferSyntaxes

from bundle.volumes.problem import Problem

_JPEG, _WAVELETS = b"\xff\xd8", b"\xff\x4f\xff\x51"
"""Start of Image; Start of Codestream and the marker of its size, which follows it."""
_STARTS = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Second bytes of the markers Start of Frame, of which F7 is that of JPEG-LS."""
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Second bytes of markers without a length."""
_SYNTAXES = {*JPEGTransferSyntaxes, *JPEGLSTransferSyntaxes, *JPEG2000TransferSyntaxes}


class Claim(NamedTuple):
    """Size of a frame as its codestream has it.

    Args:
        rows: of pixels.
        columns: of pixels.
        samples: of a pixel, 1 for gray.
        bits: of a sample.
    """

    rows: int
    columns: int
    samples: int
    bits: int


def claim_of(frame: bytes) -> Claim | None:
    """Return the size that the codestream of a frame says; None where it says none.

    Args:
        frame: JPEG, JPEG-LS or JPEG 2000, the latter also with the header of a file before it.

    Source: ISO/IEC 10918-1 B.2.2, ISO/IEC 14495-1 C.2.2, ISO/IEC 15444-1 A.5.1.

    Example:
        >>> claim_of(bytes.fromhex("ffd8 ffc3 000b 10 000c 0010 01 011100"))
        Claim(rows=12, columns=16, samples=1, bits=16)
    """
    try:
        if frame.startswith(_JPEG):
            return _of_jpeg(frame)
        start = frame.find(_WAVELETS)
        return None if start < 0 else _of_wavelets(frame, start)
    except (IndexError, struct.error):  # it ends before
        return None


def _of_jpeg(frame: bytes) -> Claim | None:
    at = 2
    while frame[at] == 0xFF:
        kind = frame[at + 1]
        if kind in _STARTS:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return Claim(rows, columns, samples, bits) if rows else None  # the number of rows may come later
        if kind == 0xFF:  # any marker may have more of them in front
            at += 1
        else:
            at += 2 if kind in _ALONE else 2 + struct.unpack_from(">H", frame, at + 2)[0]
    return None


def _of_wavelets(frame: bytes, start: int) -> Claim:
    right, bottom, left, top = struct.unpack_from(">4L", frame, start + 8)
    samples, depth = struct.unpack_from(">HB", frame, start + 40)
    return Claim(bottom - top, right - left, samples, (depth & 0x7F) + 1)


def claim_problems(image: FileDataset, label: str) -> Iterator[Problem]:
    """Yield the frames of an image whose codestream says another size than its header.

    A decoder takes the memory of what the codestream says, whatever that is; where as many pixels come out, though of
    another matrix, they would be sheared, and where others do, gdcm 3 may end the process.

    Args:
        image: with its pixels.
        label: name of its series.

    Raises:
        ValueError: its frames cannot be told apart.
    """
    if image.file_meta.TransferSyntaxUID not in _SYNTAXES:
        return
    tables = image.get("ExtendedOffsetTable"), image.get("ExtendedOffsetTableLengths")
    frames = generate_frames(
        image.PixelData,
        number_of_frames=int(image.get("NumberOfFrames") or 1),
        extended_offsets=None if None in tables else tables,
    )
    said = f"{image.Rows} x {image.Columns} pixels of 1 sample of {image.BitsAllocated} bits or less"
    instance = "" if image.get("InstanceNumber") is None else f" of instance {image.InstanceNumber}"
    for number, frame in enumerate(frames, 1):
        claim = claim_of(frame)
        if claim and (claim[:3] != (image.Rows, image.Columns, 1) or claim.bits > image.BitsAllocated):
            size = f"{claim.rows} x {claim.columns} pixels, {claim.samples} x {claim.bits} bits each"
            found = f"a frame of {size}, number {number}{instance}"
            yield Problem(label, f"hold frames of {said}, as its header says", found, "export the series again")
