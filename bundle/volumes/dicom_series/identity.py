"""Identity of images: of which person they are, and which ones an export lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from bundle.volumes.dicom_series.planes import Study


def person_of(image: Dataset) -> tuple[bytes, bytes]:
    """Return family and given name, and digits of the birth date, as they are encoded; to decode a name takes long.

    Args:
        image: header, of which neither was asked for yet.

    Example:
        >>> person_of(Dataset())
        (b'', b'')
    """
    name, date = _encoded(image, "PatientName"), _encoded(image, "PatientBirthDate")
    return b"^".join(name.split(b"^")[:2]).rstrip(b"^"), re.sub(rb"\D", b"", date)


def _encoded(image: Dataset, name: str) -> bytes:
    item = image.get_item(name) if name in image else None
    return bytes(item.value or b"").strip(b" \0").lower() if isinstance(item, RawDataElement) else b""


def are_several(persons: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether names or birth dates differ, be it in spelling alone; one that is not there does not.

    Args:
        persons: of files, see `person_of`.

    Example:
        >>> are_several([(b"doe", b""), (b"doe", b"1950")]), are_several([(b"doe", b""), (b"roe", b"")])
        (False, True)
    """
    return any(len({*filter(None, each)}) > 1 for each in zip(*persons, strict=True))


def listed_images(image: Dataset) -> Iterator[tuple[tuple[Study, str], str]]:
    """Yield study, series and SOP Instance UID of the images that a DICOMDIR lists; nothing for another object.

    Args:
        image: header.

    Source: DICOM PS3.3 F.3.2.2; its records follow one another as patient, study, series, image.
    """
    patient = study = series = ""
    for record in image.get("DirectoryRecordSequence") or ():
        kind = record.get("DirectoryRecordType")
        patient = str(record.get("PatientID") or "") if kind == "PATIENT" else patient
        study = str(record.get("StudyInstanceUID") or study)
        series = str(record.get("SeriesInstanceUID") or series)
        if (
            kind == "IMAGE"
            and record.get("RecordInUseFlag") != 0
            and (instance := record.get("ReferencedSOPInstanceUIDInFile"))
        ):
            yield (Study(patient, study), series), str(instance)
