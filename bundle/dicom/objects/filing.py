"""Filing of objects: each kind in a series of its own, with the patient, study and character set of its source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from highdicom import ContributingEquipment, sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.tag import Tag
from pydicom.valuerep import DA, DT, TM

from bundle.dicom.objects.origin import MANUFACTURER, RESEARCH_ONLY, SCHEME, Origin
from bundle.dicom.objects.sources import name_frames
from bundle.dicom.objects.stable_uid import stable_uid

_UNICODE = "ISO_IR 192"
_KINDS = {"sr": 91, "map": 92, "seg": 93, "capture": 94}
"""Last digits of the Series Number of each kind of object, after those of the source."""
_LARGEST = 10**7
_REFERENCE = Tag("ReferencedSOPSequence")


def options_of(origin: Origin, kind: str, description: str) -> dict[str, Any]:
    """Return what the constructors of highdicom's objects share.

    Args:
        origin: of the object.
        kind: ``"sr"``, ``"map"``, ``"seg"`` or ``"capture"``: each is a series of its own.
        description: of the series, for people.
    """
    number = "".join(letter for letter in origin.reading.stack.planes[0].number if letter.isdigit())
    when = origin.local_time
    return {
        **origin.made_by,
        "series_instance_uid": origin.uid(kind, "series"),
        "series_number": int(number or 0) % _LARGEST * 100 + _KINDS[kind],
        "sop_instance_uid": origin.uid(kind, "instance", "1"),
        "instance_number": 1,
        "series_description": f"{description}. {RESEARCH_ONLY}",
        "contributing_equipment": [_equipment(origin)],
        "content_date": DA(when.date()),
        "content_time": TM(when.time()),
        "specific_character_set": None,  # `finish` takes that of the source
    }


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Return what tells readers whose codes those of the classes are."""
    return [
        CodingSchemeIdentificationItem(
            SCHEME, name="Classes of a model", uid=stable_uid(SCHEME), responsible_organization=MANUFACTURER
        )
    ]


def finish(origin: Origin, dataset: Dataset) -> None:
    """Complete an object that highdicom made: patient and study as in the source, its character set, stable UIDs.

    Args:
        origin: of the object.
        dataset: it is changed.
    """
    name_frames(dataset, origin.all_sources)
    dataset.copy_patient_and_study_information(origin.sources.header)
    source_set, when = origin.sources.header.get("SpecificCharacterSet"), origin.local_time
    charset = source_set if _is_ascii(origin) else _UNICODE
    if charset:
        dataset.SpecificCharacterSet = charset
    dataset.DeviceUID = origin.device_uid
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = DA(when.date()), TM(when.time())
    if origin.offset:
        dataset.TimezoneOffsetFromUTC = f"{when:%z}"  # which a source may have in another form, as +01:00
    moment = DT(f"{origin.when:%Y%m%d%H%M%S.%f%z}")
    for item in dataset.ContributingEquipmentSequence:
        if item.PurposeOfReferenceCodeSequence[0] == codes.DCM.ProcessingEquipment:  # not the scanner
            item.ContributionDateTime = moment
    for item in (*dataset.get("DimensionOrganizationSequence", ()), *dataset.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = origin.uid("dimensions", str(dataset.SOPClassUID))


def _is_ascii(origin: Origin) -> bool:
    reading = origin.reading
    texts = (reading.model.name, reading.model.version, reading.threshold_source)
    return all(text.isascii() for text in (*texts, *reading.classes, *reading.warnings))


def _equipment(origin: Origin) -> ContributingEquipment:
    return ContributingEquipment(
        **origin.made_by,
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        contribution_description=RESEARCH_ONLY,
    )


def complete_report(
    report: sr.Comprehensive3DSR, groups: Iterable[sr.ContentSequence], images: Sequence[Dataset]
) -> None:
    """Add groups of measurements to a report, and before them the library of source images, by reference alone.

    highdicom's own library repeats a dozen optional attributes of each image: of 300 slices that is nine tenths of the
    report. What is added here is not copied and searched, as all content is that highdicom makes a report of.

    Args:
        report: with at least one group of measurements; it is changed.
        groups: of measurements.
        images: headers, see `Sources.instances`.

    Source: DICOM PS3.16 TID 1600, 1601.
    """
    contains = sr.RelationshipTypeValues.CONTAINS
    library = sr.ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=contains, template_id="1600")
    images_group = sr.ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=contains)
    first = sr.ImageContentItem(codes.SCT.Source, images[0].SOPClassUID, images[0].SOPInstanceUID, None, None, contains)
    images_group.add(DataElement("ContentSequence", "SQ", [_of_image(first, image) for image in images]))
    library.ContentSequence = sr.ContentSequence([images_group])
    content = report.ContentSequence
    for group in groups:
        content[-1].ContentSequence.extend(group)
    content.insert(len(content) - 1, library)


def _of_image(entry: Dataset, image: Dataset) -> Dataset:
    """Return the entry of another image; the two share what is the same."""
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    own = Dataset({tag: element for tag, element in entry.items() if tag != _REFERENCE})
    own.ReferencedSOPSequence = [reference]
    return own
