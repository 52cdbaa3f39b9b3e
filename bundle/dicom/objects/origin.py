"""Origin of the objects of one reading: who made them, of what and when; the same reading gives the same UIDs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Any

import numpy as np
from highdicom.sr import AlgorithmIdentification, CodedConcept
from numpy.typing import NDArray

from bundle.dicom.objects.sources import Sources, open_sources
from bundle.dicom.objects.stable_uid import stable_uid
from bundle.dicom.reading import Reading

RESEARCH_ONLY = "Research only, not for diagnosis"
NOT_LOOKED_FOR = "no finding was looked for, as the model has no rule for findings"
MANUFACTURER = "LGM-ViT project"
SCHEME = "99LGMVIT"
_LONG_STRING = 64


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
            yield [(*plane.study, plane.series, plane.uid, plane.frame) for plane in stack.planes]
        yield reading.model
        if not reading.has_rule:
            yield NOT_LOOKED_FOR
        yield reading.classes, reading.threshold, reading.volume_probability, reading.volume_threshold
        yield reading.threshold_source, reading.warnings, [sorted(finding.items()) for finding in reading.findings]
        yield np.ascontiguousarray(reading.probability).tobytes()
        labels = reading.labels[..., reading.marked]
        for volume in (reading.attribution, labels):
            # a checksum of each slice: to hash a map that is twice its volume takes as long as to write the report
            slices = () if volume is None else np.moveaxis(volume, -1, 0)
            yield from (zlib.crc32(np.ascontiguousarray(plane).data).to_bytes(4, "big") for plane in slices)
        for index, picture in self.pictures.items():
            yield index, picture.shape
            yield np.ascontiguousarray(picture).tobytes()

    @cached_property
    def algorithm(self) -> AlgorithmIdentification:
        """Model, with where its thresholds come from and the warnings; all groups of a report share it."""
        model = self.reading.model
        notes = [f"weights SHA-256 {model.weights_sha256}", f"thresholds: {self.reading.threshold_source}"]
        notes += [RESEARCH_ONLY, *([] if self.reading.has_rule else [NOT_LOOKED_FOR])]
        warnings = [f"warning: {text}" for text in self.reading.warnings]
        return AlgorithmIdentification(model.name, model.version, [*notes, *warnings])

    def class_code(self, name: str) -> CodedConcept:
        """Return the code of a class, in a scheme of this project.

        Args:
            name: of the class.
        """
        return CodedConcept(hashlib.sha256(name.encode()).hexdigest()[:16], SCHEME, long_string(name))

    @property
    def made_by(self) -> dict[str, Any]:
        """Manufacturer, model, versions and serial number, the latter being the hash of the weights."""
        model = self.reading.model
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": long_string(model.name),
            "software_versions": long_string(model.version),
            "device_serial_number": long_string(model.weights_sha256),
        }

    @property
    def local_time(self) -> datetime:
        """Time of the reading, in the time zone of the source where it has one, as all times of an object share it."""
        return self.when.astimezone(self.offset) if self.offset else self.when

    @cached_property
    def offset(self) -> tzinfo | None:
        """Time zone of the source; None where it has none that can be read."""
        try:
            return datetime.strptime(str(self.sources.header.get("TimezoneOffsetFromUTC", "")), "%z").tzinfo
        except ValueError:
            return None


def long_string(text: str) -> str:
    """Return text as a DICOM value of up to 64 characters.

    Example:
        >>> long_string("a" + chr(92) + "b"), len(long_string("a" * 99))
        ('a/b', 64)
    """
    shown = "".join(letter if letter.isprintable() else " " for letter in text.replace("\\", "/"))
    return shown.strip()[:_LONG_STRING]
