"""Headers of a study folder, read once and without pixels; what is no slice of a volume is set aside by name."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread, uid
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from bundle.dicom.planes import REPEATS, Aside, Plane, Study, planes_of, series_label
from bundle.volumes.problem import Problem

_VOLUMES = {
    uid.CTImageStorage,
    uid.MRImageStorage,
    uid.PositronEmissionTomographyImageStorage,
    uid.EnhancedCTImageStorage,
    uid.EnhancedMRImageStorage,
    uid.EnhancedPETImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage,
    uid.LegacyConvertedEnhancedPETImageStorage,
}
_NO_SLICES = {
    "LOCALIZER": "scout",
    "SCOUT": "scout",
    "SCREEN SAVE": "screen capture",
    "PROT": "protocol page",
    "DOSE_INFO": "dose report",
    "MIP": "projection",
    "PROJECTION IMAGE": "projection",
}
"""Values of Image Type, and words in them, of images that are no slices."""
_SCOUT = re.compile(r"\b(scouts?|localizers?|localiser|topograms?|survey|3[- ]?plane)\b", re.IGNORECASE)
_TILES = 0x00651050
"""United Imaging's number of slices in one image."""
_KEYWORDS = """
    SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID PatientName SeriesNumber SeriesDescription
    Modality FrameOfReferenceUID ImageType InstanceNumber Rows Columns SamplesPerPixel PhotometricInterpretation
    NumberOfFrames ImagePositionPatient ImageOrientationPatient PixelSpacing SliceThickness SpacingBetweenSlices
    EchoTime LossyImageCompression WindowCenter WindowWidth SharedFunctionalGroupsSequence
    PerFrameFunctionalGroupsSequence
"""
_TAGS = [
    *_KEYWORDS.split(),
    *(keyword for _, keywords in REPEATS.values() for keyword in keywords.split() if not keyword[0].isdigit()),
    *(int(keyword, 16) for _, keyword in REPEATS.values() if keyword[0].isdigit()),
    _TILES,
]
_SUFFIXES = (".dcm", ".ima", ".dicom")
_FIRST_TAGS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")


@dataclass
class Headers:
    """Content of a study folder.

    Args:
        planes: every slice that may become part of a volume.
        asides: everything else.
        numbers: Instance Numbers of a series, by its UID.
        names: Patient Name of a study.
    """

    planes: list[Plane] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    numbers: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    names: dict[Study, str] = field(default_factory=dict)


def read_headers(folder: str | os.PathLike[str]) -> Headers:
    """Read the header of every file of a folder, at any depth and under any name; a DICOMDIR is not needed.

    Args:
        folder: of one or several studies; hidden files are left out.

    Raises:
        NotADirectoryError: there is no such folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "notes.txt").write_text("no image")
        ...     [(aside.kind, aside.name) for aside in read_headers(folder).asides]
        [('not DICOM', 'a file')]
    """
    if not Path(folder).is_dir():
        raise NotADirectoryError(f"{folder} must be a folder with a DICOM study, got none: name another one.")
    headers = Headers()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            _read(path, headers)
    return headers


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
            first = stream.read(2)
        image = dcmread(path, force=True, **options) if first in _FIRST_TAGS else None
        if image is None or "SOPClassUID" not in image:
            raise
    if "TransferSyntaxUID" not in image.file_meta:
        implicit, little = image.original_encoding
        explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        image.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit
    return image


def _read(path: Path, headers: Headers) -> None:
    try:
        image = open_dicom(path, stop_before_pixels=True, specific_tags=_TAGS)
        _sort(image, path, headers)
    except Exception as error:  # a damaged header fails anywhere, and one file must not lose the others
        damaged = path.suffix.lower() in _SUFFIXES or not isinstance(error, InvalidDicomError)
        kind, reason = ("damaged", "its header cannot be read: copy it again") if damaged else ("not DICOM", "")
        headers.asides.append(Aside(None, "a file", kind, reason, path))


def _sort(image: FileDataset, path: Path, headers: Headers) -> None:
    study = Study(str(image.get("PatientID") or ""), str(image.get("StudyInstanceUID") or ""))
    series = str(image.get("SeriesInstanceUID") or "")
    label = series_label(image.get("SeriesNumber"))
    planes: list[Plane] = []
    try:
        kind, reason = "set aside", _no_slice(image)
        if not reason and (problem := _unusable(image, label)):
            kind, reason = "refused", problem.text
        if not reason:
            planes = list(planes_of(image, path, study, str(image.file_meta.TransferSyntaxUID)))
    except KeyError as error:
        found, remedy = f"an image without {error.args[0]}", "export the series again, with its headers"
        kind, reason = "refused", Problem(label, "hold images whose place is known", found, remedy).text
    headers.planes += planes
    if reason:
        owner, name = (study, label) if study.uid else (None, "a file")
        headers.asides.append(Aside(owner, name, kind, reason, path, series))
    headers.names.setdefault(study, str(image.get("PatientName") or ""))
    if image.get("InstanceNumber") is not None:
        headers.numbers[series].add(int(image.InstanceNumber))


def _no_slice(image: FileDataset) -> str:
    """Return what an object is that holds no slices; nothing for one that may."""
    kind = uid.UID(image.get("SOPClassUID") or image.file_meta.get("MediaStorageSOPClassUID", ""))
    if kind not in _VOLUMES:
        return kind.name if kind and kind.name != kind else "an object of an unknown class"
    values = [str(value) for value in image.get("ImageType") or ()]
    words = {*values, *(word for value in values for word in value.split())}
    for word, reason in _NO_SLICES.items():
        if word in words:
            return reason
    if _SCOUT.search(str(image.get("SeriesDescription") or "")):
        return "scout, by its description"
    return "color image" if image.get("SamplesPerPixel", 1) != 1 else ""


def _unusable(image: FileDataset, label: str) -> Problem | None:
    """Return why an image cannot be read as slices."""
    tiles = image.get(_TILES)
    if "MOSAIC" in (image.get("ImageType") or ()) or (tiles is not None and float(tiles.value) > 1):
        remedy = "export the series as enhanced images, or as one image a slice"
        return Problem(label, "hold one slice an image", "mosaics of many slices", remedy)
    if image.get("PhotometricInterpretation") != "MONOCHROME2":
        remedy = "convert it to MONOCHROME2: readers do not agree which of its values are bright"
        return Problem(label, "hold gray images of which high values are bright", "another color space", remedy)
    if int(image.get("NumberOfFrames") or 1) > 1 and "PerFrameFunctionalGroupsSequence" not in image:
        remedy = "export the series as enhanced images, or as one image a slice"
        return Problem(label, "tell the place of every frame", "frames without positions", remedy)
    return None
