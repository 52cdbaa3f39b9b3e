"""Headers of a study folder, read once and without pixels; what is no slice of a volume is set aside by name."""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from bundle.volumes.dicom_series.identity import listed_images, person_of
from bundle.volumes.dicom_series.images import image_problems, other_kind
from bundle.volumes.dicom_series.open_file import open_dicom
from bundle.volumes.dicom_series.planes import Aside, Plane, Study, planes_of, series_label
from bundle.volumes.problem import Problem

_COUNTS = ("ImagesInAcquisition", "NumberOfSlices")
_LONG = 1 << 20
"""Bytes from which a value is skipped until it is asked for; to pick the attributes that are needed takes longer."""
_SUFFIXES = (".dcm", ".ima", ".dicom")
_CLOSED = "a folder that cannot be read: allow it, or copy it again"
_UNREADABLE = "its header cannot be read: copy it again"


@dataclass
class Headers:
    """Content of a study folder.

    Args:
        planes: every slice that may become part of a volume.
        asides: everything else.
        numbers: Instance Numbers of a series, by study and series UID.
        counts: the most images that an acquisition of a series has, as its headers say, by the same.
        parts: numbers of the parts of a concatenation that are there, and how many it has, by the same and its UID.
        names: Patient Name of a study.
        persons: by file, see `person_of`.
        instances: SOP Instance UIDs of all files.
        listed: those of the images of a series that a DICOMDIR lists.
        images: the images of the planes, with their pixels; None where they were not kept.
    """

    planes: list[Plane] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    numbers: dict[tuple[Study, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    counts: dict[tuple[Study, str], int] = field(default_factory=dict)
    parts: dict[tuple[Study, str], dict[str, tuple[set[int], int]]] = field(default_factory=lambda: defaultdict(dict))
    names: dict[Study, str] = field(default_factory=dict)
    persons: dict[Path, tuple[bytes, bytes]] = field(default_factory=dict)
    instances: set[str] = field(default_factory=set)
    listed: dict[tuple[Study, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    images: dict[Path, FileDataset] | None = None


def read_headers(*folders: str | os.PathLike[str], keep_images: bool = False) -> Headers:
    """Read the header of every file of a folder, at any depth and under any name; a DICOMDIR is not needed.

    Args:
        folders: of one or several studies; hidden files are left out, and one that lies in two of them is read once.
        keep_images: read the pixels at once, where they are wanted anyway; it takes the memory of all files.

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
    headers = Headers(images={} if keep_images else None)
    with disable_value_validation():  # a value is looked at where it is used
        for path in sorted(set(_files(folders, headers))):
            _read(path, headers)
    slices = {(plane.file.parent, _pattern(plane.file)) for plane in headers.planes}
    for index, aside in enumerate(headers.asides):
        if aside.kind == "not DICOM" and (aside.file.parent, _pattern(aside.file)) in slices:
            headers.asides[index] = aside._replace(kind="damaged", reason=_UNREADABLE)  # named as the slices beside it
    return headers


def _files(folders: Iterable[str | os.PathLike[str]], headers: Headers) -> Iterator[Path]:
    """Yield all files below some folders, also those behind links, but for links that lead up or back."""

    def unread(error: OSError) -> None:
        headers.asides.append(Aside(None, "a file", "damaged", _CLOSED, Path(os.fsdecode(error.filename))))

    seen: set[Path] = set()
    for folder in folders:
        start = Path(folder).resolve()
        for place, inner, files in os.walk(folder, onerror=unread, followlinks=True):
            real = Path(place).resolve()
            if real in seen or (real != start and start.is_relative_to(real)):
                inner.clear()
                continue
            seen.add(real)
            inner.sort()
            yield from (path for name in files if not name.startswith(".") and _may_be_image(path := Path(place, name)))


def _may_be_image(path: Path) -> bool:
    """Return False for a pipe, a socket or a device; a link that leads nowhere may be to a slice that is lost."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _pattern(file: Path) -> str:
    return re.sub(r"\d+", "0", file.name)


def _read(path: Path, headers: Headers) -> None:
    try:
        image = _opened(path, with_pixels=headers.images is not None)
        _sort(image, path, headers)
    except Exception as error:  # a damaged header fails anywhere, and one file must not lose the others
        # a file that is gone, as a link that leads nowhere, or that is no DICOM, need not have been an image
        unknown = isinstance(error, InvalidDicomError | FileNotFoundError)
        damaged = not unknown or path.suffix.lower() in _SUFFIXES or _is_empty(path)
        kind, reason = ("damaged", _UNREADABLE) if damaged else ("not DICOM", "")
        headers.asides.append(Aside(None, "a file", kind, reason, path))


def _is_empty(path: Path) -> bool:
    """Return whether there is a file without content; nothing but a copy that failed is."""
    try:
        return not path.stat().st_size
    except OSError:
        return False


def _opened(path: Path, *, with_pixels: bool) -> FileDataset:
    if with_pixels and "PixelData" in (image := open_dicom(path, defer_size=_LONG)):
        return image
    return open_dicom(
        path, stop_before_pixels=True, defer_size=_LONG
    )  # pydicom drops all before pixels that are cut off


def _sort(image: FileDataset, path: Path, headers: Headers) -> None:
    study = Study(str(image.get("PatientID") or ""), str(image.get("StudyInstanceUID") or ""))
    series = str(image.get("SeriesInstanceUID") or "")
    label = series_label(image.get("SeriesNumber"))
    planes: list[Plane] = []
    problems: list[Problem] = []
    reason = other_kind(image)
    try:
        if not reason and not (problems := list(image_problems(image, label))):
            planes = list(planes_of(image, path, study, str(image.file_meta.TransferSyntaxUID)))
    except KeyError as error:
        found, remedy = f"an image without {error.args[0]}", "export the series again, with its headers"
        problems = [Problem(label, "hold images whose place is known", found, remedy)]
    headers.planes += planes
    if planes and headers.images is not None and "PixelData" in image:
        headers.images[path] = image
    if reason or problems:
        owner, name = (study, label) if study.uid else (None, "a file")
        kind, reason = ("set aside", reason) if reason else ("refused", " ".join(each.text for each in problems))
        headers.asides.append(Aside(owner, name, kind, reason, path, series, tuple(problems)))
    _count(image, (study, series), headers)
    headers.persons[path] = person_of(image)
    if not headers.names.get(study):  # to decode a name takes long
        headers.names[study] = str(image.get("PatientName") or "")


def _count(image: FileDataset, whose: tuple[Study, str], headers: Headers) -> None:
    """Note what tells of images that are not there."""
    headers.instances.add(str(image.get("SOPInstanceUID") or ""))
    for listed, instance in listed_images(image):
        headers.listed[listed].add(instance)
    if image.get("InstanceNumber") is not None:
        headers.numbers[whose].add(int(image.InstanceNumber))
    count = max(int(image.get(name) or 0) for name in _COUNTS)
    headers.counts[whose] = max(headers.counts.get(whose, 0), count)
    if (whole := image.get("ConcatenationUID")) and (number := image.get("InConcatenationNumber")):
        there, _ = headers.parts[whose].get(str(whole), (set[int](), 0))
        there.add(int(number))
        headers.parts[whose][str(whole)] = there, int(image.get("InConcatenationTotalNumber") or 0)
