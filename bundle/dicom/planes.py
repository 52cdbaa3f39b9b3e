"""Image planes: what the header says of one slice, be it a file of its own or a frame of a multi-frame file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

REPEATS = {
    "image type": ("", "ImageType"),
    "b-value": ("MRDiffusionSequence", "DiffusionBValue"),
    "b-value (Siemens)": ("", "0019100C"),
    "b-value (GE)": ("", "00431039"),
    "gradient direction": ("MRDiffusionSequence", "DiffusionGradientOrientation"),
    "gradient direction (Siemens)": ("", "0019100E"),
    "temporal position": ("FrameContentSequence", "TemporalPositionIndex TemporalPositionIdentifier"),
    "cardiac phase": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime TriggerTime"),
    "inversion time": ("MRModifierSequence", "InversionTimes InversionTime"),
    "acquisition": ("FrameContentSequence", "FrameAcquisitionNumber AcquisitionNumber"),
    "acquisition time": ("", "AcquisitionTime"),
}
"""By name, the functional group and the attributes that tell apart images of one position, in order of trust."""
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)
_PLACES = 4
"""Decimals of an echo time in ms: a header rounds, it does not measure."""


class Study(NamedTuple):
    """Identity of a study, never shown: what a case is named after.

    Args:
        patient: PatientID.
        uid: StudyInstanceUID.
    """

    patient: str
    uid: str


@dataclass(frozen=True)
class Plane:
    """One image plane of a study.

    Args:
        file: that holds it.
        uid: SOP Instance UID.
        frame: DICOM's frame number from 1; None for an image of one frame.
        study: whose it is.
        series: Series Instance UID.
        number: Series Number, empty where there is none.
        modality: as in ``"CT"``.
        frame_of_reference: UID; empty where there is none.
        position: of the center of the first pixel, patient coordinates (left, posterior, superior) in mm.
        orientation: direction of a row, then of a column.
        size: rows and columns.
        spacing: distance between rows and between columns in mm.
        image_type: of the frame, where it has its own.
        echo: time in ms; None where there is none.
        distance: Spacing Between Slices in mm; None where there is none.
        thickness: Slice Thickness in mm; None where there is none.
        syntax: Transfer Syntax UID.
        lossy: the pixels were once compressed with loss.
        repeats: values of what tells apart images of one position, by the names of `REPEATS` and ``"instance"``.
        burned_in: text lies in the pixels, maybe a name.
    """

    file: Path
    uid: str
    frame: int | None
    study: Study = field(repr=False)
    series: str
    number: str
    modality: str
    frame_of_reference: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    size: tuple[int, int]
    spacing: tuple[float, ...]
    image_type: tuple[str, ...]
    echo: float | None
    distance: float | None
    thickness: float | None
    syntax: str
    lossy: bool
    repeats: dict[str, str]
    burned_in: bool = False

    @property
    def label(self) -> str:
        """Name of its series for people: no part of it comes from the patient."""
        return series_label(self.number)


class Aside(NamedTuple):
    """Something of a study folder that does not become a volume.

    Args:
        study: whose it is; None for a file that does not tell.
        name: as in ``"series 3"``.
        kind: ``"set aside"``, ``"refused"``, ``"damaged"`` or ``"not DICOM"``.
        reason: a sentence, or the name of what it is.
        file: one of its files.
        series: Series Instance UID; empty for a file that does not tell.
    """

    study: Study | None
    name: str
    kind: str
    reason: str
    file: Path
    series: str = ""


def series_label(number: object) -> str:
    """Return the name of a series for people.

    Example:
        >>> series_label(3), series_label(None)
        ('series 3', 'series without a number')
    """
    return "series without a number" if number is None or number == "" else f"series {number}"


def planes_of(image: Dataset, file: Path, study: Study, syntax: str) -> Iterator[Plane]:
    """Yield the planes of an image; those of an enhanced one come from its functional groups.

    Args:
        image: header.
        file: that it comes from.
        study: whose it is.
        syntax: Transfer Syntax UID.

    Raises:
        KeyError: position, orientation or spacing is missing.
    """
    groups = image.get("PerFrameFunctionalGroupsSequence")
    shared = next(iter(image.get("SharedFunctionalGroupsSequence") or ()), Dataset())
    for index, own in enumerate(groups or [Dataset()]):
        found = _Attributes(image, own, shared)
        plain = {name: str(found.get(*where)) for name, where in REPEATS.items()}
        kind = next((kind for group in _FRAME_TYPES if (kind := found.get(group, "FrameType"))), None)
        image_type = tuple(str(value) for value in kind or image.get("ImageType") or ())
        echo = found.number("MREchoSequence", "EffectiveEchoTime EchoTime")
        yield Plane(
            file=file,
            uid=str(image.SOPInstanceUID),
            frame=index + 1 if groups else None,
            study=study,
            series=str(image.get("SeriesInstanceUID", "")),
            number="" if (number := image.get("SeriesNumber")) is None else str(number),
            modality=str(image.get("Modality") or "OT"),
            frame_of_reference=str(image.get("FrameOfReferenceUID") or ""),
            position=found.numbers("PlanePositionSequence", "ImagePositionPatient", 3),
            orientation=found.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
            size=(int(image.Rows), int(image.Columns)),
            spacing=found.numbers("PixelMeasuresSequence", "PixelSpacing", 2),
            image_type=image_type,
            echo=None if echo is None else round(echo, _PLACES),
            distance=found.number("PixelMeasuresSequence", "SpacingBetweenSlices"),
            thickness=found.number("PixelMeasuresSequence", "SliceThickness"),
            syntax=syntax,
            lossy=str(image.get("LossyImageCompression", "")) == "01" or syntax in _LOSSY,
            repeats={**plain, "image type": str(image_type), "instance": str(image.SOPInstanceUID) * bool(groups)},
            burned_in=image.get("BurnedInAnnotation") == "YES",
        )


class _Attributes:
    """Attributes of one frame: in its own functional groups, in the shared ones, else in the image itself."""

    def __init__(self, image: Dataset, own: Dataset, shared: Dataset) -> None:
        self.image, self.groups = image, (own, shared)

    def get(self, group: str, keywords: str) -> Any:
        """Return the first value found; None where there is none."""
        items = [item for groups in self.groups if group for item in groups.get(group) or ()]
        # a gradient direction lies one sequence deeper
        items += [deeper for item in items for deeper in item.get("DiffusionGradientDirectionSequence") or ()]
        for item in (*items, self.image):
            for keyword in keywords.split():
                value = item.get(keyword) if not keyword[0].isdigit() else item.get(int(keyword, 16))
                value = getattr(value, "value", value)  # a private one comes as an element
                if value not in (None, ""):
                    return value
        return None

    def number(self, group: str, keywords: str) -> float | None:
        value = self.get(group, keywords)
        return None if value is None else float(value)

    def numbers(self, group: str, keyword: str, count: int) -> tuple[float, ...]:
        value = self.get(group, keyword)
        if value is None or len(value) != count:
            raise KeyError(keyword)
        return tuple(float(part) for part in value)
