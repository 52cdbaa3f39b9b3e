"""Image planes: what the header says of one slice, be it a file of its own or a frame of a multi-frame file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from bundle.volumes.dicom_series.frame_attributes import FrameAttributes
from bundle.volumes.dicom_series.images import sop_class
from bundle.volumes.dicom_series.plain_pixels import PlainPixels, plain_pixels
from bundle.volumes.problem import Problem

REPEATS = {
    "image type": ("", "ImageType"),
    "b-value": ("MRDiffusionSequence", "DiffusionBValue"),
    "b-value (Siemens)": ("", "0019100C"),
    "b-value (GE)": ("", "00431039"),
    "gradient direction": ("MRDiffusionSequence", "DiffusionGradientOrientation"),
    "gradient direction (Siemens)": ("", "0019100E"),
    "temporal position": ("FrameContentSequence", "TemporalPositionIndex TemporalPositionIdentifier"),
    "stack of frames": ("FrameContentSequence", "StackID"),
    "cardiac phase": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime TriggerTime"),
    "inversion time": ("MRModifierSequence", "InversionTimes InversionTime"),
    "acquisition": ("FrameContentSequence", "FrameAcquisitionNumber AcquisitionNumber"),
    "acquisition time": ("", "AcquisitionTime"),
    "repetition time": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "flip angle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
    "kernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "tube voltage": ("CTXRayDetailsSequence", "KVP"),
    "units": ("", "Units"),
}
"""By name, the functional group and the attributes that tell apart images of one position, in order of trust."""
_LOSSY = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless)


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
        kind: SOP Class UID.
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
        distance: Spacing Between Slices in mm, without its sign; None where there is none.
        thickness: Slice Thickness in mm; None where there is none.
        syntax: Transfer Syntax UID.
        lossy: the pixels were once compressed with loss.
        repeats: values of what tells apart images of one position, by the names of `REPEATS` and ``"instance"``.
        burned_in: text lies in the pixels, maybe a name.
        instance: Instance Number, the number that viewers show; None where there is none, or a frame has `frame`.
        window: center and width to show it with, after the modality LUT; None where there is none.
        rescale_type: unit of the values after the modality LUT, as in ``"HU"``; empty where the file does not say.
        plain: encoding of the pixels of its file; None where they take a decoder.
    """

    file: Path
    kind: str
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
    instance: int | None = None
    window: tuple[float, float] | None = None
    rescale_type: str = ""
    plain: PlainPixels | None = None

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
        problems: why it is refused.
    """

    study: Study | None
    name: str
    kind: str
    reason: str
    file: Path
    series: str = ""
    problems: tuple[Problem, ...] = ()


def series_label(number: object) -> str:
    """Return the name of a series for people.

    Example:
        >>> series_label(3), series_label(None)
        ('series 3', 'series without a number')
    """
    return "series without a number" if number is None or number == "" else f"series {number}"


def planes_of(image: FileDataset, file: Path, study: Study, syntax: str) -> Iterator[Plane]:
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
        image_type = (found := FrameAttributes(image, own, shared)).image_type()
        yield Plane(
            file=file,
            kind=str(sop_class(image)),
            uid=str(image.SOPInstanceUID),
            frame=index + 1 if groups else None,
            study=study,
            series=str(image.get("SeriesInstanceUID", "")),
            number="" if (number := image.get("SeriesNumber")) is None else str(number),
            modality=str(image.get("Modality") or "OT"),
            frame_of_reference=str(image.get("FrameOfReferenceUID") or ""),
            **_geometry(found),
            size=(int(image.Rows), int(image.Columns)),
            image_type=image_type,
            echo=found.echo(),
            syntax=syntax,
            lossy=str(image.get("LossyImageCompression", "")) == "01" or syntax in _LOSSY,
            repeats={name: str(found.get(*where)) for name, where in REPEATS.items()}
            | {"image type": str(image_type), "instance": str(image.SOPInstanceUID) * bool(groups)},
            burned_in=image.get("BurnedInAnnotation") == "YES",
            instance=None if groups or image.get("InstanceNumber") is None else int(image.InstanceNumber),
            window=found.window(),
            rescale_type=str(found.get("PixelValueTransformationSequence", "RescaleType") or "").strip().upper(),
            plain=None if groups else plain_pixels(image),
        )


def _geometry(found: FrameAttributes) -> dict[str, Any]:
    return {
        "position": found.numbers("PlanePositionSequence", "ImagePositionPatient", 3),
        "orientation": found.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        "spacing": found.numbers("PixelMeasuresSequence", "PixelSpacing", 2),
        "distance": found.size("PixelMeasuresSequence", "SpacingBetweenSlices"),
        "thickness": found.number("PixelMeasuresSequence", "SliceThickness"),
    }
