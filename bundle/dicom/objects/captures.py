"""Pictures of slices as secondary captures, for archives and viewers that show nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from bundle.dicom.objects.filing import finish, options_of
from bundle.dicom.objects.origin import RESEARCH_ONLY, Origin
from bundle.dicom.objects.sources import Reference

_MARGIN = 4
_SMALLEST, _LARGEST, _SHARE = 11, 28, 24
"""Smallest and largest height of letters in pixels, and the width of a picture for one pixel of height."""
_AMBER = (255, 191, 0)


def make_captures(origin: Origin) -> Iterator[SCImage]:
    """Yield a secondary capture of each picture, all of one series, with "research only" burned in.

    Args:
        origin: of the objects.

    Raises:
        ValueError: a picture is not (rows, columns, 3) uint8, or its slice is not in the stack.

    Source: DICOM PS3.3 A.8.1.
    """
    references = origin.sources.references
    for number, (index, picture) in enumerate(origin.pictures.items(), 1):
        if not 0 <= index < len(references):
            raise ValueError(f"a picture must be of slices 0 to {len(references) - 1}, got {index}: name one of them.")
        options = options_of(origin, "capture", "Key slices")
        options["sop_instance_uid"] = origin.uid("capture", "instance", f"{number}")
        options["instance_number"] = number
        capture = SCImage(
            pixel_array=with_words(picture),
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("L", "P"),
            study_instance_uid=origin.reading.stack.planes[0].study.uid,
            **options,
        )
        capture.PatientOrientation = []  # a picture with panels and words has none
        capture.Laterality = origin.sources.header.get("Laterality") or ""
        capture.ImageType = ["DERIVED", "SECONDARY"]
        capture.BurnedInAnnotation = "YES"
        capture.DateOfSecondaryCapture, capture.TimeOfSecondaryCapture = capture.ContentDate, capture.ContentTime
        capture.SourceImageSequence = [_reference_to(references[index])]
        finish(origin, capture)
        yield capture


def with_words(picture: NDArray) -> NDArray:
    """Return a picture with "research only, not for diagnosis" in a band below it, whatever it shows already.

    Args:
        picture: (rows, columns, 3) uint8.

    Returns:
        (rows + band, columns or more, 3) uint8: a picture that is narrower than the words becomes wider.

    Raises:
        ValueError: another shape or type.

    Example:
        >>> shown = with_words(np.zeros((40, 300, 3), dtype=np.uint8))
        >>> shown.shape, bool(shown[:40].any()), bool(shown[40:].any())
        ((60, 300, 3), False, True)
    """
    if picture.ndim != 3 or picture.shape[-1] != 3 or picture.dtype != np.uint8:
        found = f"{picture.shape} {picture.dtype}"
        raise ValueError(f"a picture must be (rows, columns, 3) of uint8, got {found}: convert it.")
    rows, columns = picture.shape[:2]
    size = min(max(columns // _SHARE, _SMALLEST), _LARGEST)
    font = ImageFont.load_default(size)
    band, width = size + 2 * _MARGIN, max(columns, round(font.getlength(RESEARCH_ONLY)) + 2 * _MARGIN)
    canvas = Image.new("RGB", (width, rows + band))
    canvas.paste(Image.fromarray(picture), (0, 0))
    ImageDraw.Draw(canvas).text((_MARGIN, rows + _MARGIN - 1), RESEARCH_ONLY, fill=_AMBER, font=font)
    return np.asarray(canvas)


def _reference_to(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.kind, reference.uid
    if reference.frame is not None:
        item.ReferencedFrameNumber = reference.frame
    return item
