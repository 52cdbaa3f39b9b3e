"""Folder with the objects of a reading."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from highdicom import _standard_utils as standard
from numpy.typing import NDArray
from pydicom.config import disable_value_validation, settings
from pydicom.dataset import Dataset

from bundle.dicom.objects.captures import make_captures
from bundle.dicom.objects.images import make_map, make_segmentation
from bundle.dicom.objects.object_file import save_object
from bundle.dicom.objects.origin import NOT_LOOKED_FOR, Origin
from bundle.dicom.objects.structured_report import make_report
from bundle.dicom.reading import Reading
from bundle.dicom.uids import uid_problems
from bundle.files import folder_atomically
from bundle.volumes.problem import raise_first

_CHUNK = 1 << 20


class Written(NamedTuple):
    """Outcome of `write_objects`.

    Args:
        files: by kind, ``"sr"``, ``"map"``, ``"seg"``, and ``"capture_1"`` and so on.
        left_out: why a kind was not written, a sentence each.
    """

    files: dict[str, Path]
    left_out: dict[str, str]


def write_objects(
    reading: Reading,
    folder: str | os.PathLike[str],
    pictures: Mapping[int, NDArray] | None = None,
    when: datetime | None = None,
) -> Written:
    """Write the objects of a reading into a folder, which appears by one rename: all of them, or none.

    The report (``sr.dcm``) is always there; the map needs `Reading.attribution`, the segmentation a finding, captures
    pictures. Each kind is a series of its own in the study that was read, with the patient and study of its source.
    The same reading gives the same UIDs, and with the same `when` the same bytes.

    Args:
        reading: whose source files are still there.
        folder: to make; one that is there is replaced.
        pictures: (rows, columns, 3) uint8 by index of their slice.
        when: time of the reading, with its time zone; None is now.

    Raises:
        ValueError: the reading contradicts itself.
        FileProblem: no archive files objects under the UIDs of its source.
        OSError: of the file system, as a full disk.
    """
    raise_first(uid_problems([reading.stack, *reading.further]))
    origin = Origin(reading, when or datetime.now().astimezone(), pictures or {})
    folder, left_out, names = Path(folder), _left_out(origin), []
    with warnings.catch_warnings(), _in_haste(), folder_atomically(folder) as part:
        warnings.filterwarnings("ignore", module="pydicom|highdicom")  # their words may hold values of a patient
        for name, dataset in _objects(origin, left_out):
            save_object(part / f"{name}.dcm", dataset)
            names.append(name)
    return Written({name: folder / f"{name}.dcm" for name in names}, left_out)


@contextmanager
def _in_haste() -> Iterator[None]:
    """Spare what takes longer than to make and write the objects.

    Python does not look for garbage among many objects that stay, pydicom does not say what it thinks of values that
    nobody hears, and it reads streams in larger pieces. highdicom 0.28 goes through the attributes of the standard for
    each image that it is given, to learn whether images of its class have frames; here once a class.
    """
    size, collects, has_attribute = settings.buffered_read_size, gc.isenabled(), standard.is_attribute_in_iod
    gc.disable()
    settings.buffered_read_size = _CHUNK
    standard.is_attribute_in_iod = _remembered(has_attribute)
    try:
        with disable_value_validation():
            yield
    finally:
        settings.buffered_read_size = size
        standard.is_attribute_in_iod = has_attribute
        if collects:
            gc.enable()


def _remembered(has_attribute: Callable[..., bool]) -> Callable[..., bool]:
    answer = cache(has_attribute)
    return lambda attribute, kind, exclude_path_elements=None: answer(
        attribute, kind, exclude_path_elements and tuple(exclude_path_elements)
    )


def _left_out(origin: Origin) -> dict[str, str]:
    reasons = {
        "map": ("the map was not asked for", origin.reading.attribution is None),
        "seg": ("nothing was found" if origin.reading.has_rule else NOT_LOOKED_FOR, not origin.reading.findings),
        "capture": ("there is no picture", not origin.pictures),
    }
    return {kind: reason for kind, (reason, is_missing) in reasons.items() if is_missing}


def _objects(origin: Origin, left_out: Mapping[str, str]) -> Iterator[tuple[str, Dataset]]:
    """Yield name and object one at a time: the largest alone bounds the memory."""
    yield "sr", make_report(origin)
    if "map" not in left_out:
        yield "map", make_map(origin)
    if "seg" not in left_out:
        yield "seg", make_segmentation(origin)
    for number, capture in enumerate(make_captures(origin), 1):
        yield f"capture_{number}", capture
