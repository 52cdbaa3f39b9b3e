"""Map and segmentation lie on the planes of their source, frame by frame, whatever its geometry."""

import numpy as np
import pytest
from support.readings import GEOMETRIES, reading_of, stack_of, write_enhanced, write_series

pytest.importorskip("highdicom")
from pydicom import dcmread
from pydicom.uid import EnhancedMRImageStorage

from bundle.dicom import find_stacks, read_headers
from bundle.dicom.objects import Origin, make_map, make_segmentation, write_objects


def places_of(image):
    """Position of each frame, and image and frame that it refers to."""
    shared = image.SharedFunctionalGroupsSequence[0]
    groups = image.PerFrameFunctionalGroupsSequence
    sources = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups]
    return {
        "positions": [tuple(map(float, group.PlanePositionSequence[0].ImagePositionPatient)) for group in groups],
        "sources": [(item.ReferencedSOPInstanceUID, item.get("ReferencedFrameNumber")) for item in sources],
        "orientation": tuple(map(float, shared.PlaneOrientationSequence[0].ImageOrientationPatient)),
        "spacing": tuple(map(float, shared.PixelMeasuresSequence[0].PixelSpacing)),
    }


@pytest.mark.parametrize("name", [*GEOMETRIES, "enhanced"])
def test_frames_are_those_of_the_source(tmp_path, name):
    if name == "enhanced":
        write_enhanced(tmp_path / "study")
    else:
        write_series(tmp_path / "study", **GEOMETRIES[name])
    reading = reading_of(stack_of(tmp_path / "study", -1 if name == "enhanced" else 0))
    planes = reading.stack.planes
    files = write_objects(reading, tmp_path / "objects").files
    shown, found = dcmread(files["map"]), dcmread(files["seg"])
    by_place = {plane.position: index for index, plane in enumerate(planes)}
    volume, labels = np.zeros_like(reading.attribution), np.zeros_like(reading.labels)
    for image, values in ((shown, volume), (found, labels)):
        place = places_of(image)
        assert place["spacing"] == planes[0].spacing
        assert place["orientation"] == pytest.approx(planes[0].orientation)
        assert image.FrameOfReferenceUID == planes[0].frame_of_reference
        pixels = image.pixel_array.reshape(-1, *planes[0].size)
        for frame, position, source in zip(pixels, place["positions"], place["sources"], strict=True):
            index = by_place[position]
            values[..., index] = frame.T
            assert source == (planes[index].uid, planes[index].frame)
    np.testing.assert_array_equal(volume, reading.attribution)
    np.testing.assert_array_equal(labels, reading.labels)
    assert (shown.pixel_array.dtype, found.SegmentationType) == (np.float32, "BINARY")


def test_an_enhanced_source_is_referred_to_once_by_its_own_name(tmp_path):
    write_enhanced(tmp_path / "study")
    stack = stack_of(tmp_path / "study", -1)
    shown = make_map(Origin(reading_of(stack)))
    [reference], [series] = shown.SourceImageSequence, shown.ReferencedSeriesSequence
    assert (reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID) == (EnhancedMRImageStorage, "1.2.4.77")
    assert len(series.ReferencedInstanceSequence) == 1
    assert {plane.frame for plane in stack.planes} == {4, 5, 6}  # the second echo, not in the order of its places


def test_spacing_between_slices_is_measured_not_copied(tmp_path):
    write_series(tmp_path / "even", SpacingBetweenSlices=1)
    write_series(tmp_path / "uneven", **GEOMETRIES["uneven"], SpacingBetweenSlices=1)
    shared = [
        make_map(Origin(reading_of(stack_of(tmp_path / name)))).SharedFunctionalGroupsSequence[0]
        for name in ("even", "uneven")
    ]
    assert [group.PixelMeasuresSequence[0].get("SpacingBetweenSlices") for group in shared] == [3, None]


def test_the_source_series_comes_before_further_contrasts(tmp_path):
    write_series(tmp_path / "study")
    write_series(tmp_path / "study", first=100, SeriesInstanceUID="1.2.7", SeriesNumber=8)
    main, other = find_stacks(read_headers(tmp_path / "study"))[0]
    shown = make_map(Origin(reading_of(main, further=(other,))))
    assert [item.SeriesInstanceUID for item in shown.ReferencedSeriesSequence] == [main.planes[0].series, "1.2.7"]
    [derivation] = shown.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    assert [item.SpatialLocationsPreserved for item in derivation.SourceImageSequence] == ["YES", "YES"]
    write_series(tmp_path / "elsewhere", StudyInstanceUID="1.2.6")
    with pytest.raises(ValueError, match="further stacks must be of the study of the stack"):
        make_map(Origin(reading_of(main, further=(stack_of(tmp_path / "elsewhere"),))))


def test_a_long_map_is_written_slice_by_slice_whatever_its_order_in_memory(tmp_path):
    write_series(tmp_path / "study", steps=range(40), size=(35, 34))
    stack = stack_of(tmp_path / "study")
    values = np.random.default_rng(0).random(stack.shape, dtype=np.float32)
    labels = np.zeros(stack.shape, np.int32)
    for order in "CF":
        reading = reading_of(stack, positive=False, attribution=np.array(values, order=order), labels=labels)
        shown = dcmread(write_objects(reading, tmp_path / order).files["map"])
        np.testing.assert_array_equal(shown.pixel_array, values.transpose(2, 1, 0))
        contents = [group.FrameContentSequence[0] for group in shown.PerFrameFunctionalGroupsSequence]
        assert [content.DimensionIndexValues for content in contents] == list(range(1, 41))
    assert len({dcmread(path).SOPInstanceUID for path in tmp_path.glob("?/map.dcm")}) == 1  # the order is no content


def test_a_contrast_of_another_matrix_is_no_source_of_the_same_places(tmp_path):
    write_series(tmp_path / "study")
    write_series(tmp_path / "study", first=100, SeriesInstanceUID="1.2.7", SeriesNumber=8, size=(24, 32))
    main, other = find_stacks(read_headers(tmp_path / "study"))[0]
    shown = make_map(Origin(reading_of(main, further=(other,))))
    [derivation] = shown.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    assert {item.SpatialLocationsPreserved for item in derivation.SourceImageSequence} == {"YES", "NO"}


def test_what_contradicts_itself_is_refused(tmp_path):
    write_series(tmp_path)
    reading = reading_of(stack_of(tmp_path))
    with pytest.raises(ValueError, match=r"attribution must lie in \[0, 1\], got 0 to 2"):
        make_map(Origin(reading_of(reading.stack, attribution=reading.attribution * 2)))
    with pytest.raises(ValueError, match="attribution must be a map, got none"):
        make_map(Origin(reading_of(reading.stack, has_map=False)))
    with pytest.raises(ValueError, match=r"labels must hold the findings \[1\].* got \[2\]"):
        make_segmentation(Origin(reading_of(reading.stack, labels=reading.labels * 2)))


def test_segments_count_from_one_where_a_finding_was_dropped(tmp_path):
    write_series(tmp_path)
    reading = reading_of(stack_of(tmp_path))
    [finding] = reading.findings
    renamed = reading_of(reading.stack, labels=reading.labels * 3, findings=[{**finding, "finding": 3}])
    [segment] = make_segmentation(Origin(renamed)).SegmentSequence
    assert (segment.SegmentNumber, segment.SegmentLabel, segment.TrackingID) == (1, "Finding 3", "finding 3")
