"""Images of a reading on the grid of its source: the map as a parametric map, the findings as a segmentation."""

from __future__ import annotations

import numpy as np
from highdicom import AlgorithmIdentificationSequence, VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from bundle.dicom.objects.filing import coding_schemes, finish, options_of
from bundle.dicom.objects.frame_stream import FrameStream
from bundle.dicom.objects.origin import RESEARCH_ONLY, Origin, long_string
from bundle.dicom.objects.structured_report import finding_code, finding_tracking


def make_map(origin: Origin) -> ParametricMap:
    """Make the parametric map: float32 from 0 to 1, class activation, one frame for each slice of the source.

    The source series comes first among those that it refers to, as viewers lay the map on that one; further contrasts
    follow. The pixels are a stream that is read when the map is saved: a second copy of a map takes longer to make than
    all the rest.

    Args:
        origin: of the objects; its reading has a map.

    Raises:
        ValueError: there is no map, or a value is not in [0, 1].

    Source: DICOM PS3.3 A.75.
    """
    attribution = origin.reading.attribution
    if attribution is None:
        raise ValueError("attribution must be a map, got none: leave the parametric map out.")
    low, high = float(np.min(attribution)), float(np.max(attribution))
    if not (low >= 0 and high <= 1):  # NaN fails too
        raise ValueError(f"attribution must lie in [0, 1], got {low:g} to {high:g}: scale it by the map_scale.")
    columns, rows, count = attribution.shape
    # of a single pixel, as the map is when highdicom makes it; a contrast of another matrix must differ from that
    size = {source.stack.shape[:2]: None for source in origin.further} | {(columns, rows): (1, 1)}
    result = ParametricMap(
        source_images=origin.sources.planes(size=(1, 1)),
        further_source_images=[
            plane for source in origin.further for plane in source.planes(size=size[source.stack.shape[:2]])
        ],
        pixel_array=np.arange(count, dtype=np.float32).reshape(-1, 1, 1),  # number of the slice: tells the order
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_activation()],
        voi_lut_transformations=[VOILUTTransformation(window_center=0.5, window_width=1.0)],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="ACTIVATION",
        content_description=RESEARCH_ONLY,
        **options_of(origin, "map", "Attribution map"),
    )
    [groups] = result.SharedFunctionalGroupsSequence
    groups.FrameAnatomySequence = [_anatomy(origin)]  # some readers stop without
    _order_frames(result)
    result.Rows, result.Columns = rows, columns
    result.FloatPixelData = FrameStream(np.asarray(attribution))
    finish(origin, result)
    return result


def make_segmentation(origin: Origin) -> Segmentation:
    """Make the segmentation: one binary segment for each finding, with the tracking UID that it has in the report.

    It has the slices from the first to the last one with a finding.

    Args:
        origin: of the objects; its reading has findings.

    Raises:
        ValueError: there is no finding, or labels and findings differ.

    Source: DICOM PS3.3 A.51.
    """
    reading = origin.reading
    numbers = sorted(finding["finding"] for finding in reading.findings)
    found = sorted(reading.slices_of)
    if not numbers or found != numbers:
        raise ValueError(
            f"labels must hold the findings {numbers} and at least one, got {found}: leave the segmentation out where "
            "nothing was found."
        )
    kind = np.uint8 if len(numbers) < np.iinfo(np.uint8).max else np.uint16
    segments = np.zeros(numbers[-1] + 1, dtype=kind)
    segments[numbers] = np.arange(1, len(numbers) + 1)  # segments count from 1 without gaps
    # slice by slice: a volume of new memory takes longer to get than to fill
    frames = np.stack([segments[plane].T for plane in np.moveaxis(reading.labels[..., reading.marked], -1, 0)])
    result = Segmentation(
        source_images=origin.sources.planes(reading.marked),
        further_source_images=[plane for source in origin.further for plane in source.planes()],
        pixel_array=frames,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_segment(origin, index, number) for index, number in enumerate(numbers, 1)],
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="FINDINGS",
        content_description=RESEARCH_ONLY,
        coding_schemes=coding_schemes(),
        **options_of(origin, "seg", "Findings"),
    )
    finish(origin, result)
    return result


def _segment(origin: Origin, index: int, number: int) -> SegmentDescription:
    model, tracking = origin.reading.model, finding_tracking(origin, number)
    return SegmentDescription(
        segment_number=index,
        segment_label=f"Finding {number}",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=finding_code(origin),
        algorithm_type="AUTOMATIC",
        algorithm_identification=AlgorithmIdentificationSequence(
            name=long_string(model.name),
            version=long_string(model.version),
            family=codes.cid7162.ArtificialIntelligence,
            parameters={"weights SHA-256": model.weights_sha256},
        ),
        tracking_uid=tracking["uid"],
        tracking_id=tracking["identifier"],
    )


class _Activation(RealWorldValueMapping):
    """Mapping of the values; highdicom 0.28 puts its text into a message of each frame that nobody reads."""

    def __repr__(self) -> str:
        return "activation"


def _activation() -> RealWorldValueMapping:
    return _Activation(
        lut_label="ACTIVATION",
        lut_explanation="Class activation, 0 to 1",
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=codes.DCM.ClassActivation,
    )


def _order_frames(image: Dataset) -> None:
    """Order frames as the slices of the source, along row direction x column direction.

    highdicom orders them against it, and some readers do not sort.

    Args:
        image: whose frames hold the number of their slice.
    """
    numbers = np.frombuffer(image.FloatPixelData, dtype="<f4")
    groups = [image.PerFrameFunctionalGroupsSequence[index] for index in np.argsort(numbers)]
    for number, group in enumerate(groups, 1):
        group.FrameContentSequence[0].DimensionIndexValues = number
    image.PerFrameFunctionalGroupsSequence = groups


def _anatomy(origin: Origin) -> Dataset:
    """Return the body part as the source has it, by its code or its name; the whole body where it has none."""
    header, item = origin.sources.header, Dataset()
    name = str(header.get("BodyPartExamined") or "").title().replace(" ", "")
    region = CodedConcept.from_code(getattr(codes.cid4031, name, codes.cid4031.EntireBody))
    item.AnatomicRegionSequence = header.get("AnatomicRegionSequence") or [region]
    item.FrameLaterality = str(header.get("Laterality") or "U")
    return item
