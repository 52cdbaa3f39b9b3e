"""Source images of a reading, in the form in which highdicom takes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset
from pydicom.valuerep import DS

from bundle.dicom.objects.stable_uid import stable_uid
from bundle.volumes.dicom_series import Stack
from bundle.volumes.dicom_series.open_file import reopen_dicom

_CLASSES = {
    uid.EnhancedCTImageStorage: uid.CTImageStorage,
    uid.LegacyConvertedEnhancedCTImageStorage: uid.CTImageStorage,
    uid.EnhancedMRImageStorage: uid.MRImageStorage,
    uid.LegacyConvertedEnhancedMRImageStorage: uid.MRImageStorage,
    uid.EnhancedPETImageStorage: uid.PositronEmissionTomographyImageStorage,
    uid.LegacyConvertedEnhancedPETImageStorage: uid.PositronEmissionTomographyImageStorage,
}
_EMPTY = """
    PatientID PatientName PatientBirthDate PatientSex AccessionNumber StudyID StudyDate StudyTime ReferringPhysicianName
"""
"""Left empty while an object is built: `finish` copies them from the source, as they are and unseen."""
_COPIED = """
    Manufacturer ManufacturerModelName SoftwareVersions DeviceSerialNumber InstitutionName InstitutionalDepartmentName
    StationName AcquisitionDateTime AcquisitionDate AcquisitionTime PositionReferenceIndicator LossyImageCompression
    LossyImageCompressionRatio LossyImageCompressionMethod
"""
_EVEN = "uneven"


class Reference(NamedTuple):
    """Identity of an image or of one of its frames.

    Args:
        kind: SOP Class UID.
        uid: SOP Instance UID.
        frame: number from 1; None for an image of one frame.
    """

    kind: str
    uid: str
    frame: int | None

    @property
    def frames(self) -> list[int] | None:
        """Frame numbers as highdicom takes them."""
        return None if self.frame is None else [self.frame]


@dataclass(frozen=True)
class Sources:
    """Headers of the images of a stack.

    Every plane has a header of its own in the form of a single-frame image, also a frame of an enhanced one. So there
    is one path for both, for a stack that holds some frames of an image, and for one that spans several images. A frame
    has a stand-in UID, which `name_frames` turns into the image and its frame number.

    Args:
        stack: that was read.
        header: of the first file, whole but for the pixels.
    """

    stack: Stack
    header: FileDataset

    @cached_property
    def references(self) -> list[Reference]:
        """(D,) identities of the planes."""
        return [Reference(plane.kind, plane.uid, plane.frame) for plane in self.stack.planes]

    def planes(self, which: slice = slice(None), size: tuple[int, int] | None = None) -> list[Dataset]:
        """Return headers in the form of single-frame images.

        Args:
            which: of the planes.
            size: rows and columns that the headers name; None names those of the planes.
        """
        same, headers = dict(self._same(size or self.stack.planes[0].size).items()), []
        for plane, reference in zip(self.stack.planes[which], self.references[which], strict=True):
            header = Dataset(same.copy())
            header.SOPClassUID = _CLASSES.get(uid.UID(plane.kind), plane.kind)
            header.SOPInstanceUID = _stand_in(reference)
            header.Modality = plane.modality
            header.ImagePositionPatient = _numbers(plane.position)
            [header.SliceThickness] = _numbers([plane.thickness or self._step or plane.distance or 1.0])
            headers.append(header)
        return headers

    @cached_property
    def instances(self) -> list[Dataset]:
        """One header for each image, with its identity; the first has all that those of `planes` have but a place."""
        first = self.stack.planes[0]
        found: dict[str, Dataset] = {}
        for plane in self.stack.planes:
            if plane.uid not in found:
                found[plane.uid] = header = Dataset() if found else self._same(first.size)
                header.StudyInstanceUID, header.SeriesInstanceUID = plane.study.uid, plane.series
                header.SOPClassUID, header.SOPInstanceUID = plane.kind, plane.uid
        return list(found.values())

    def _same(self, size: tuple[int, int]) -> Dataset:
        """Return what all headers share; an element of it must not be set, only put in or replaced."""
        first = self.stack.planes[0]
        header = Dataset()
        for keyword in _EMPTY.split():
            setattr(header, keyword, "")
        for keyword in _COPIED.split():
            if keyword in self.header:
                header[keyword] = self.header[keyword]
        header.StudyInstanceUID, header.SeriesInstanceUID = first.study.uid, first.series
        header.FrameOfReferenceUID = first.frame_of_reference or stable_uid("frame of reference", first.series)
        header.Rows, header.Columns = size
        # of the first plane: highdicom refuses a difference in the last digit, which a stack may have
        header.ImageOrientationPatient = _numbers(first.orientation)
        header.PixelSpacing = _numbers(first.spacing)
        if self._step and _EVEN not in self.stack.flags:
            [header.SpacingBetweenSlices] = _numbers([self._step])  # not that of the source, which may be wrong
        return header

    @cached_property
    def _step(self) -> float:
        """Distance of the slices along the normal in mm; 0 for a single one."""
        return float(np.diff(self.stack.positions).mean()) if len(self.stack.planes) > 1 else 0.0


def open_sources(stack: Stack) -> Sources:
    """Read the header of a stack.

    Args:
        stack: whose files are still there.

    Raises:
        FileNotFoundError: its first file is gone.
        FileProblem: another image has replaced it, maybe of another patient.
    """
    first = stack.planes[0]
    return Sources(stack, reopen_dicom(first.file, first.uid, first.label, stop_before_pixels=True))


def name_frames(dataset: Dataset, sources: Iterable[Sources]) -> None:
    """Turn the stand-ins of frames into the image and its frame number, wherever a dataset refers to them.

    Args:
        dataset: that highdicom made of `Sources.planes`; it is changed.
        sources: that it refers to.
    """
    references = [reference for source in sources for reference in source.references if reference.frame]
    frames = {_stand_in(reference): reference for reference in references}
    if frames:
        _name_frames(dataset, frames)


def _name_frames(dataset: Dataset, frames: dict[str, Reference]) -> None:
    for element in dataset:
        if element.VR != "SQ":
            continue
        for item in element.value:
            reference = frames.get(str(item.get("ReferencedSOPInstanceUID", "")))
            if reference:
                item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.kind, reference.uid
                if element.keyword == "SourceImageSequence" and dataset.get("DerivationCodeSequence"):
                    item.ReferencedFrameNumber = reference.frame
            _name_frames(item, frames)
        element.value = list(_once(element.value))


def _once(items: Sequence[Dataset]) -> Iterator[Dataset]:
    """Yield the items, of those that refer to one image as a whole only the first."""
    seen = set()
    for item in items:
        image = str(item.get("ReferencedSOPInstanceUID", ""))
        if not image or "ReferencedFrameNumber" in item or image not in seen:
            yield item
        seen.add(image)


def _stand_in(reference: Reference) -> str:
    if reference.frame is None:
        return reference.uid
    return stable_uid("frame", reference.uid, str(reference.frame))


def _numbers(values: Iterable[float]) -> list[Any]:
    return [DS(float(value), auto_format=True) for value in values]
