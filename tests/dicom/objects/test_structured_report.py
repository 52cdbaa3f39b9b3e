"""The report says of every class whether it is there, and of every finding where."""

import numpy as np
import pytest
from support.readings import GEOMETRIES, reading_of, stack_of, write_enhanced, write_series

pytest.importorskip("highdicom")
from highdicom import sr
from pydicom.sr.codedict import codes

from bundle.dicom.objects import Origin, make_report, make_segmentation
from bundle.dicom.objects.structured_report import outline


def report_of(reading, folder):
    report = make_report(reading if isinstance(reading, Origin) else Origin(reading))
    report.save_as(folder / "sr.dcm")
    return sr.srread(folder / "sr.dcm")


def values_of(group):
    return {item.name.meaning: item.value for item in group.get_measurements()}


def texts_of(item):
    """All text values below an item."""
    found = [item.TextValue] if "TextValue" in item else []
    return found + [text for child in item.get("ContentSequence", ()) for text in texts_of(child)]


def presence(group):
    [evaluation] = group.get_qualitative_evaluations()
    return evaluation.name.meaning, evaluation.value.meaning


def test_every_class_is_present_or_absent_and_positive_slices_are_named(tmp_path):
    write_series(tmp_path / "study")
    stack = stack_of(tmp_path / "study")
    reading = reading_of(stack, classes=("tumor", "bleeding"))
    groups = report_of(reading, tmp_path).content.get_image_measurement_groups()
    assert [presence(group) for group in groups[:2]] == [("tumor", "Present"), ("bleeding", "Absent")]
    assert [values_of(group) for group in groups[:2]] == [
        {"Probability": 0.875, "Threshold Value": 0.5},
        {"Probability": 0.125, "Threshold Value": 0.5},
    ]
    named = [group.source_images[0].referenced_sop_instance_uid for group in groups[2:]]
    assert named == [stack.planes[3].uid, stack.planes[4].uid]
    assert {presence(group) for group in groups[2:]} == {("tumor", "Present")}


@pytest.mark.parametrize("name", ["oblique", "not_square", "enhanced"])
def test_a_finding_is_outlined_on_its_key_slice(tmp_path, name):
    if name == "enhanced":
        write_enhanced(tmp_path / "study")
    else:
        write_series(tmp_path / "study", **GEOMETRIES[name])
    reading = reading_of(stack_of(tmp_path / "study"))
    [group] = report_of(reading, tmp_path).content.get_planar_roi_measurement_groups()
    key = reading.stack.planes[reading.findings[0]["key_source_slice"]]
    image = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert (image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")) == (key.uid, key.frame)
    points = group.roi.value  # columns 1 to 3 and rows 2 to 3 are marked: their corners are cut
    assert (points.min(axis=0).tolist(), points.max(axis=0).tolist()) == ([1, 2], [4, 4])
    np.testing.assert_array_equal(points[0], points[-1])
    assert values_of(group)["Score (attribute)"] == reading.findings[0]["score"]
    assert group.finding_type.meaning == "lesion"


def test_a_finding_has_one_tracking_uid_in_all_objects(tmp_path):
    write_series(tmp_path / "study")
    origin = Origin(reading_of(stack_of(tmp_path / "study")))
    report = report_of(origin, tmp_path)
    [segment] = make_segmentation(origin).SegmentSequence
    [finding] = report.content.get_planar_roi_measurement_groups()
    assert segment.TrackingUID == finding.tracking_uid
    groups = [*report.content.get_image_measurement_groups(), finding]
    assert len({group.tracking_uid for group in groups}) == len(groups)
    assert all(group.tracking_identifier for group in groups)


def test_the_algorithm_the_thresholds_and_all_images_are_named(tmp_path):
    write_series(tmp_path / "study")
    reading = reading_of(stack_of(tmp_path / "study"), positive=False, warnings=("unlike the training data",))
    report = report_of(reading, tmp_path)
    text = " ".join(texts_of(report))
    for words in ("lgm_vit", "0.1.0", "ab" * 32, "best F1", "unlike the training data", "not for diagnosis"):
        assert words in text
    [group] = report.content.get_image_measurement_groups()
    assert (presence(group), report.content.get_planar_roi_measurement_groups()) == (("lesion", "Absent"), [])
    assert {uid for _, _, uid, _ in report.get_evidence()} == {plane.uid for plane in reading.stack.planes}
    flags = report.CompletionFlag, report.PreliminaryFlag, report.VerificationFlag
    assert flags == ("COMPLETE", "PRELIMINARY", "UNVERIFIED")
    assert report.SOPClassUID.name == "Comprehensive 3D SR Storage"
    library = sr.utils.find_content_items(report, name=codes.DCM.ImageLibrary, recursive=True)
    assert len(library) == 1


def test_a_map_of_several_classes_gives_findings_a_general_code(tmp_path):
    write_series(tmp_path / "study")
    reading = reading_of(stack_of(tmp_path / "study"), classes=("tumor", "bleeding"))
    [group] = report_of(reading, tmp_path).content.get_planar_roi_measurement_groups()
    assert group.finding_type == codes.SCT.MorphologicallyAbnormalStructure


def test_the_largest_part_is_outlined_and_a_wrong_key_slice_refused():
    labels = np.zeros((9, 9), int)
    labels[0, 0], labels[3:8, 3:8], labels[5, 5] = 2, 2, 0
    assert (outline(labels, 2).min(), outline(labels, 2).max()) == (3, 8)
    with pytest.raises(ValueError, match="labels must hold finding 1 on its key slice"):
        outline(labels, 1)
