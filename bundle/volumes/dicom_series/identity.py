"""Identity of images: of which patient and instance a slice is, and which images an export lists and lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from bundle.volumes.dicom_series.planes import Plane, Study
from bundle.volumes.problem import Problem


def person_of(image: Dataset) -> tuple[bytes, bytes]:
    """Return name and birth date as they are encoded, in one spelling; to decode a name takes long.

    Args:
        image: header, of which neither was asked for yet.

    Example:
        >>> person_of(Dataset())
        (b'', b'')
    """
    return _encoded(image, "PatientName"), _encoded(image, "PatientBirthDate")


def _encoded(image: Dataset, name: str) -> bytes:
    item = image.get_item(name) if name in image else None
    return bytes(item.value or b"").strip(b" \0^").lower() if isinstance(item, RawDataElement) else b""


def identity_problems(
    planes: Sequence[Plane], label: str, persons: Mapping[Path, tuple[bytes, bytes]]
) -> Iterator[Problem]:
    """Yield why nobody could say of which image, or of which patient, a slice is.

    Args:
        planes: one at a position.
        label: name of the stack.
        persons: by file, see `person_of`.
    """
    instances = len({(plane.uid, plane.frame) for plane in planes})
    if instances < len(planes):
        found, remedy = f"{instances} for {len(planes)} slices", "export the series again, each image with its own"
        yield Problem(label, "have one SOP Instance UID a slice", found, remedy)
    names, dates = (
        {*filter(None, each)} for each in zip(*(persons.get(plane.file, (b"", b"")) for plane in planes), strict=True)
    )
    if max(len(names), len(dates)) > 1:
        found, remedy = "several names or birth dates under one PatientID", "export each patient alone"
        yield Problem(label, "be of one patient", found, remedy)


def listed_images(image: Dataset) -> Iterator[tuple[tuple[Study, str], str]]:
    """Yield study, series and SOP Instance UID of the images that a DICOMDIR lists; nothing for another object.

    Args:
        image: header.

    Source: DICOM PS3.3 F.3.2.2; its records follow one another as patient, study, series, image.
    """
    patient = study = series = ""
    for record in image.get("DirectoryRecordSequence") or ():
        patient = str(record.get("PatientID") or "") if record.DirectoryRecordType == "PATIENT" else patient
        study = str(record.get("StudyInstanceUID") or study)
        series = str(record.get("SeriesInstanceUID") or series)
        if record.DirectoryRecordType == "IMAGE" and (instance := record.get("ReferencedSOPInstanceUIDInFile")):
            yield (Study(patient, study), series), str(instance)
