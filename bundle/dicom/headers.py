"""Headers of a study folder, read once and without pixels; what is no slice of a volume is set aside by name."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread, uid
from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from bundle.dicom.images import image_problems, other_kind
from bundle.dicom.planes import Aside, Plane, Study, planes_of, series_label
from bundle.volumes.problem import Problem

_LONG = 1 << 20
"""Bytes from which a value is skipped until it is asked for; to pick the attributes that are needed takes longer."""
_SUFFIXES = (".dcm", ".ima", ".dicom")
_FIRST_TAGS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")


@dataclass
class Headers:
    """Content of a study folder.

    Args:
        planes: every slice that may become part of a volume.
        asides: everything else.
        numbers: Instance Numbers of a series, by study and series UID.
        counts: the most images that an acquisition of a series has, as its headers say, by the same.
        names: Patient Name of a study.
    """

    planes: list[Plane] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    numbers: dict[tuple[Study, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    counts: dict[tuple[Study, str], int] = field(default_factory=dict)
    names: dict[Study, str] = field(default_factory=dict)


def read_headers(*folders: str | os.PathLike[str]) -> Headers:
    """Read the header of every file of a folder, at any depth and under any name; a DICOMDIR is not needed.

    Args:
        folders: of one or several studies; hidden files are left out, and one that lies in two of them is read once.

    Raises:
        NotADirectoryError: there is no such folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "notes.txt").write_text("no image")
        ...     [(aside.kind, aside.name) for aside in read_headers(folder).asides]
        [('not DICOM', 'a file')]
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise NotADirectoryError(f"{folder} must be a folder with a DICOM study, got none: name another one.")
    headers = Headers()
    with disable_value_validation():  # a value is looked at where it is used
        for path in sorted({path for folder in folders for path in Path(folder).rglob("*")}):
            if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                headers.asides.append(Aside(None, "a file", "damaged", "a folder that may not be read", path))
            elif path.is_file() and not path.name.startswith("."):
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
        image = open_dicom(path, stop_before_pixels=True, defer_size=_LONG)
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
        kind, reason = "set aside", other_kind(image)
        if not reason and (problems := list(image_problems(image, label))):
            kind, reason = "refused", " ".join(problem.text for problem in problems)
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
        headers.numbers[study, series].add(int(image.InstanceNumber))
    count = int(image.get("ImagesInAcquisition") or 0)
    headers.counts[study, series] = max(headers.counts.get((study, series), 0), count)
