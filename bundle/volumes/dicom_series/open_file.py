"""A DICOM file opened, also one without a file header, and names and warnings that tell nobody whose it is."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread, uid
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from bundle.volumes.problem import FileProblem, Problem

_FIRST_TAGS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")
_EARLY_TAGS = (b"\x08\x00\x16\x00", b"\x00\x08\x00\x16", b"\x02\x00\x10\x00")
"""SOP Class UID, by either order of bytes, and Transfer Syntax UID."""
_BEGINNING = 1 << 14
"""Bytes that hold one of them, which little stands before."""


def printable(file: Path) -> str:
    """Return a path as text; a name need not be UTF-8."""
    return os.fsencode(file).decode(errors="backslashreplace")


@contextmanager
def quiet() -> Iterator[None]:
    """Let pydicom neither warn nor log for a while: its words may tell whose a file is."""
    logger = logging.getLogger("pydicom")
    disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pydicom")
            yield
    finally:
        logger.disabled = disabled


def open_dicom(path: Path, **options: Any) -> FileDataset:
    """Return a DICOM file; one without preamble and file header is read by the encoding that its elements have.

    Args:
        path: the file.
        options: of `pydicom.dcmread`.

    Raises:
        InvalidDicomError: it is something else.
    """
    try:
        return dcmread(path, **options)
    except InvalidDicomError:
        with path.open("rb") as stream:
            start = stream.read(_BEGINNING)
        # of something else pydicom would make an element of every few bytes, for hours and in all memory
        may_be = start[:2] in _FIRST_TAGS and any(tag in start for tag in _EARLY_TAGS)
        image = dcmread(path, force=True, **options) if may_be else None
        if image is None or "SOPClassUID" not in image:
            raise
    if "TransferSyntaxUID" not in image.file_meta:
        implicit, little = image.original_encoding
        explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        image.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit
    return image


def reopen_dicom(path: Path, instance: str, label: str, **options: Any) -> FileDataset:
    """Return a DICOM file whose header was read before.

    Args:
        path: the file.
        instance: SOP Instance UID that it had.
        label: name of its series.
        options: of `pydicom.dcmread`.

    Raises:
        FileProblem: it holds another image by now, whose place or patient may be another one.
        InvalidDicomError: it is something else by now.
    """
    image = open_dicom(path, **options)
    if "SOPInstanceUID" in image and str(image.SOPInstanceUID) != instance:  # not in one whose pixels are cut off
        found, remedy = "a file that another image has replaced meanwhile", "read it again when all files are there"
        raise FileProblem(Problem(label, "hold the images whose headers were read", found, remedy))
    return image
