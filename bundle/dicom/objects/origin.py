"""Origin of the objects of one reading: who made them, of what and when; the same reading gives the same UIDs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

import numpy as np
from highdicom import ContributingEquipment
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DA, DT, TM

from bundle.dicom.objects.sources import Sources, name_frames, open_sources
from bundle.dicom.objects.stable_uid import stable_uid
from bundle.dicom.reading import Reading

RESEARCH_ONLY = "Research only, not for diagnosis"
_MANUFACTURER = "LGM-ViT project"
_SCHEME = "99LGMVIT"
_UNICODE = "ISO_IR 192"
_LONG_STRING = 64
_KINDS = {"sr": 91, "map": 92, "seg": 93, "capture": 94}
"""Last digits of the Series Number of each kind of object, after those of the source."""
_LARGEST = 10**7


@dataclass(frozen=True)
class Origin:
    """Origin of the objects of one reading.

    Args:
        reading: that they tell of.
        when: time of the reading, with its time zone; the objects hold it as their time of creation.
        pictures: (rows, columns, 3) uint8 of slices, by index.
    """

    reading: Reading
    when: datetime = field(default_factory=lambda: datetime.now().astimezone())
    pictures: Mapping[int, NDArray] = field(default_factory=dict)

    @cached_property
    def sources(self) -> Sources:
        """Headers of the stack."""
        return open_sources(self.reading.stack)

    @cached_property
    def further(self) -> list[Sources]:
        """Headers of further contrasts.

        Raises:
            ValueError: one is of another study; its objects would lie in two.
        """
        study = self.reading.stack.planes[0].study
        for stack in self.reading.further:
            if stack.planes[0].study != study:
                raise ValueError(
                    "further stacks must be of the study of the stack, got one of another study: read them apart."
                )
        return [open_sources(stack) for stack in self.reading.further]

    @property
    def all_sources(self) -> list[Sources]:
        """Headers of the stack, then of further contrasts."""
        return [self.sources, *self.further]

    def uid(self, *parts: str) -> str:
        """Return the UID of something in the objects; it changes with what was read, with the model and its answer.

        Args:
            parts: what it is.
        """
        return stable_uid(self._digest, *parts)

    @cached_property
    def device_uid(self) -> str:
        """UID of the software with its weights."""
        model = self.reading.model
        return stable_uid("device", model.name, model.version, model.weights_sha256)

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.sha256()
        for part in self._content():
            digest.update(part if isinstance(part, bytes) else repr(part).encode())
        return digest.hexdigest()

    def _content(self) -> Iterator[Any]:
        reading = self.reading
        for stack in (reading.stack, *reading.further):
            yield [(plane.study.uid, plane.series, plane.uid, plane.frame) for plane in stack.planes]
        yield reading.model
        yield reading.classes, reading.threshold, reading.volume_probability, reading.volume_threshold
        yield reading.threshold_source, reading.warnings, [sorted(finding.items()) for finding in reading.findings]
        for values in (reading.probability, reading.attribution, reading.labels):
            yield b"" if values is None else np.ascontiguousarray(values).tobytes()
        for index, picture in self.pictures.items():
            yield index, picture.shape
            yield np.ascontiguousarray(picture).tobytes()

    def class_code(self, name: str) -> CodedConcept:
        """Return the code of a class, in a scheme of this project.

        Args:
            name: of the class.
        """
        return CodedConcept(hashlib.sha256(name.encode()).hexdigest()[:16], _SCHEME, long_string(name))

    @property
    def made_by(self) -> dict[str, Any]:
        """Manufacturer, model, versions and serial number, the latter being the hash of the weights."""
        model = self.reading.model
        return {
            "manufacturer": _MANUFACTURER,
            "manufacturer_model_name": long_string(model.name),
            "software_versions": long_string(model.version),
            "device_serial_number": long_string(model.weights_sha256),
        }

    def options(self, kind: str, description: str) -> dict[str, Any]:
        """Return what the constructors of highdicom's objects share.

        Args:
            kind: ``"sr"``, ``"map"``, ``"seg"`` or ``"capture"``: each is a series of its own.
            description: of the series, for people.
        """
        number = "".join(letter for letter in self.reading.stack.planes[0].number if letter.isdigit())
        when = self.local_time
        return {
            **self.made_by,
            "series_instance_uid": self.uid(kind, "series"),
            "series_number": int(number or 0) % _LARGEST * 100 + _KINDS[kind],
            "sop_instance_uid": self.uid(kind, "instance", "1"),
            "instance_number": 1,
            "series_description": f"{description}. {RESEARCH_ONLY}",
            "contributing_equipment": [self._equipment()],
            "content_date": DA(when.date()),
            "content_time": TM(when.time()),
            "specific_character_set": None,  # `finish` takes that of the source
        }

    def coding_schemes(self) -> list[CodingSchemeIdentificationItem]:
        """Return what tells readers whose codes those of the classes are."""
        return [
            CodingSchemeIdentificationItem(
                _SCHEME, name="Classes of a model", uid=stable_uid(_SCHEME), responsible_organization=_MANUFACTURER
            )
        ]

    def finish(self, dataset: Dataset) -> Dataset:
        """Complete an object that highdicom made: patient and study as in the source, its character set, stable UIDs.

        Args:
            dataset: it is changed, and returned.
        """
        name_frames(dataset, self.all_sources)
        dataset.copy_patient_and_study_information(self.sources.header)
        source_set, when = self.sources.header.get("SpecificCharacterSet"), self.local_time
        charset = source_set if self._is_ascii else _UNICODE
        if charset:
            dataset.SpecificCharacterSet = charset
        dataset.DeviceUID = self.device_uid
        if dataset.Modality == "OT":  # of its own classes highdicom leaves this out, and validators ask for it
            dataset.Laterality = self.sources.header.get("Laterality") or ""
        dataset.InstanceCreationDate, dataset.InstanceCreationTime = DA(when.date()), TM(when.time())
        if self._offset:
            dataset.TimezoneOffsetFromUTC = self.sources.header.TimezoneOffsetFromUTC
        for item in dataset.ContributingEquipmentSequence[1:]:  # the first is the scanner
            item.ContributionDateTime = self._moment
        for item in (*dataset.get("DimensionOrganizationSequence", ()), *dataset.get("DimensionIndexSequence", ())):
            item.DimensionOrganizationUID = self.uid("dimensions", str(dataset.SOPClassUID))
        return dataset

    @property
    def _is_ascii(self) -> bool:
        reading = self.reading
        texts: Sequence[str] = (reading.model.name, reading.model.version, reading.threshold_source)
        return all(text.isascii() for text in (*texts, *reading.classes, *reading.warnings))

    @property
    def local_time(self) -> datetime:
        """Time of the reading, in the time zone of the source where it has one, as all times of an object share it."""
        return self.when.astimezone(self._offset) if self._offset else self.when

    @cached_property
    def _offset(self) -> tzinfo | None:
        try:
            return datetime.strptime(str(self.sources.header.get("TimezoneOffsetFromUTC", "")), "%z").tzinfo
        except ValueError:
            return None

    @property
    def _moment(self) -> DT:
        return DT(f"{self.when:%Y%m%d%H%M%S.%f%z}")

    def _equipment(self) -> ContributingEquipment:
        return ContributingEquipment(
            **self.made_by,
            purpose_of_reference=codes.DCM.ProcessingEquipment,
            contribution_description=RESEARCH_ONLY,
        )


def long_string(text: str) -> str:
    """Return text as a DICOM value of up to 64 characters.

    Example:
        >>> long_string("a" + chr(92) + "b"), len(long_string("a" * 99))
        ('a/b', 64)
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text.replace("\\", "/"))
    return shown.strip()[:_LONG_STRING]
