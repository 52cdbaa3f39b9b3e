"""Structured report of a reading: Comprehensive 3D SR by TID 1500, the form that viewers load as measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from highdicom import sr
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from skimage.measure import find_contours

from bundle.dicom.objects.filing import coding_schemes, complete_report, finish, options_of
from bundle.dicom.objects.origin import Origin, long_string

_PROCEDURES = {
    "CT": codes.cid100.CTUnspecifiedBodyRegion,
    "MR": codes.cid100.MRIUnspecifiedBodyRegion,
    "PT": codes.cid100.PETUnspecifiedBodyRegion,
}
_PRESENCE = {True: codes.cid240.Present, False: codes.cid240.Absent}


def make_report(origin: Origin) -> sr.Comprehensive3DSR:
    """Make the report: whether each class is present, each finding with its outline, each positive slice.

    Every group has a tracking identifier and UID, every image that was read is in the image library. It is complete,
    preliminary and unverified. A class has a group by TID 1501 with present or absent, probability and threshold, also
    where it is absent; where thresholds come from is a parameter of the algorithm. A finding has a group by TID 1410.

    Args:
        origin: of the objects.

    Raises:
        ValueError: a finding has no voxel on its key slice.

    Source: DICOM PS3.16 TID 1500, 1410, 1501.
    """
    model, modality = origin.reading.model, origin.reading.stack.planes[0].modality
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=origin.device_uid,
        name=long_string(model.name),
        manufacturer_name=origin.made_by["manufacturer"],
        model_name=long_string(model.name),
        serial_number=long_string(model.weights_sha256),
    )
    images = [image for source in origin.all_sources for image in source.instances]
    # findings first: viewers open the image of the first group, and show nothing where it has none
    groups: list[Any] = [*_findings(origin), *_classes(origin), *_positive_slices(origin)]
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=sr.ObserverContext(codes.DCM.Device, device)),
        procedure_reported=_PROCEDURES.get(modality, codes.cid100.ImagingProcedure),
        imaging_measurements=groups[:1],
    )
    options = options_of(origin, "sr", "Findings")
    report = sr.Comprehensive3DSR(
        evidence=images, content=content, is_complete=True, coding_schemes=coding_schemes(), **options
    )
    complete_report(report, groups[1:], images)
    finish(origin, report)
    return report


def outline(labels: NDArray, finding: int) -> NDArray:
    """Return the outline of a finding in a slice; of several parts that of the largest.

    Args:
        labels: (columns, rows), number of the finding in each pixel.
        finding: its number.

    Returns:
        (n, 2) column and row in DICOM's image coordinates, in which the center of the first pixel is (0.5, 0.5); the
        first point is also the last.

    Raises:
        ValueError: the slice does not hold the finding.

    Source: DICOM PS3.3 C.18.6.1.2.

    Example:
        >>> outline(np.eye(3, dtype=int)[:, :1], 1).tolist()
        [[1.0, 0.5], [0.5, 0.0], [0.0, 0.5], [0.5, 1.0], [1.0, 0.5]]
    """
    # one pixel of margin closes the polygons at the border
    polygons = find_contours(np.pad(labels == finding, 1).astype(np.uint8), 0.5, fully_connected="high")
    if not polygons:
        raise ValueError(f"labels must hold finding {finding} on its key slice, got none there: check the key slice.")
    return max(polygons, key=_area) - 1 + 0.5


def _area(polygon: NDArray) -> float:
    x, y = polygon.T
    return float(abs(x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2)


def _classes(origin: Origin) -> Iterator[sr.MeasurementsAndQualitativeEvaluations]:
    reading = origin.reading
    tops = np.argmax(reading.probability, axis=0).tolist()
    chances = zip(tops, reading.volume_probability, reading.volume_threshold, strict=True)
    for name, present, chance in zip(reading.classes, reading.present, chances, strict=True):
        yield sr.MeasurementsAndQualitativeEvaluations(
            finding_type=origin.class_code(name),
            **_identity(origin, "class", name),
            qualitative_evaluations=[sr.QualitativeEvaluation(origin.class_code(name), _PRESENCE[present])],
            measurements=_probability(origin, *chance),
        )


def _positive_slices(origin: Origin) -> Iterator[sr.MeasurementsAndQualitativeEvaluations]:
    reading = origin.reading
    positive = np.asarray(reading.probability) >= np.asarray(reading.threshold)
    for index in np.flatnonzero(positive.any(axis=1)).tolist():
        reference = origin.sources.references[index]
        for which in np.flatnonzero(positive[index]):
            name = reading.classes[which]
            yield sr.MeasurementsAndQualitativeEvaluations(
                finding_type=origin.class_code(name),
                **_identity(origin, "slice", f"{index + 1}", name),
                qualitative_evaluations=[sr.QualitativeEvaluation(origin.class_code(name), _PRESENCE[True])],
                measurements=_probability(origin, index, reading.probability[index, which], reading.threshold[which]),
                source_images=[sr.SourceImageForMeasurementGroup(reference.kind, reference.uid, reference.frames)],
            )


def _findings(origin: Origin) -> Iterator[sr.PlanarROIMeasurementsAndQualitativeEvaluations]:
    reading = origin.reading
    for finding in reading.findings:
        key, number = finding["key_source_slice"], finding["finding"]
        reference = origin.sources.references[key]
        yield sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            finding_type=finding_code(origin),
            **_identity(origin, "finding", f"{number}"),
            referenced_region=sr.ImageRegion(
                sr.GraphicTypeValues.POLYLINE,
                outline(reading.labels[..., key], number),
                sr.SourceImageForRegion(reference.kind, reference.uid, reference.frames),
            ),
            measurements=_sizes(finding),
        )


def finding_code(origin: Origin) -> Code | sr.CodedConcept:
    """Return the code of findings: the class where there is one, else that of an abnormal structure.

    Args:
        origin: of the objects.
    """
    if len(origin.reading.classes) == 1:
        return origin.class_code(origin.reading.classes[0])
    return codes.SCT.MorphologicallyAbnormalStructure


def finding_tracking(origin: Origin, finding: int) -> dict[str, str]:
    """Return tracking UID and identifier of a finding, the same in all objects.

    Args:
        origin: of the objects.
        finding: its number.
    """
    return {"uid": origin.uid("finding", f"{finding}"), "identifier": f"finding {finding}"}


def _identity(origin: Origin, *parts: str) -> dict[str, Any]:
    return {
        "tracking_identifier": sr.TrackingIdentifier(uid=origin.uid(*parts), identifier=" ".join(parts)),
        "algorithm_id": origin.algorithm,
    }


def _probability(origin: Origin, index: int, probability: float, threshold: float) -> list[sr.Measurement]:
    """Return probability, inferred from a whole slice, and threshold; OHIF 3.13 stops at a group without a place."""
    reference, (rows, columns) = origin.sources.references[index], origin.reading.stack.planes[index].size
    border = sr.CoordinatesForMeasurement(
        sr.GraphicTypeValues.POLYLINE,
        np.array([(0, 0), (columns, 0), (columns, rows), (0, rows), (0, 0)], dtype=float),
        sr.SourceImageForRegion(reference.kind, reference.uid, reference.frames),
    )
    return [
        sr.Measurement(codes.DCM.Probability, float(probability), codes.UCUM.NoUnits, referenced_coordinates=[border]),
        sr.Measurement(codes.DCM.ThresholdValue, float(threshold), codes.UCUM.NoUnits),
    ]


def _sizes(finding: Mapping[str, Any]) -> list[sr.Measurement]:
    rows = (
        (codes.SCT.Score, "score", codes.UCUM.NoUnits),
        (codes.DCM.Probability, "probability", codes.UCUM.NoUnits),
        (codes.SCT.Volume, "volume_mm3", codes.UCUM.CubicMillimeter),
        (codes.SCT.LongAxis, "diameter_mm", codes.UCUM.Millimeter),
    )
    return [sr.Measurement(code, finding[key], unit) for code, key, unit in rows if finding.get(key) is not None]
