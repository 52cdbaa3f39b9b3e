"""A study folder is split into stacks, and whatever is no whole stack is refused or set aside, by name."""

import numpy as np
import pytest
from support.dicom_files import enhanced, save, slice_of

pytest.importorskip("pydicom", minversion="3")
from pydicom.uid import (
    MPEG2MPML,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from bundle.dicom import find_stacks, read_headers, read_voxels
from bundle.volumes.dicom_series import pixels

SIDEWAYS = [0, 1, 0, 0, 0, -1]


@pytest.fixture
def write(tmp_path):
    """Write slices by their heights; what else is given goes to each."""

    def series(heights, first=1, folder="s", **more):
        for number, height in enumerate(heights, first):
            save(slice_of(number, (10, 20, height), **more), tmp_path / folder)

    return series


@pytest.fixture
def stacks(tmp_path):
    return lambda: find_stacks(read_headers(tmp_path))


def only(found):
    [stack], asides = found
    return stack, asides


def heights(stack):
    return [plane.position[2] for plane in stack.planes]


def words(stack):
    return " ".join(problem.text for problem in stack.problems)


def test_slices_are_ordered_by_position_whatever_their_numbers_and_names(tmp_path, stacks):
    for number, height in ((3, 0), (1, 5), (4, 10), (2, 15)):
        image = slice_of(number, (10, 20, height), RescaleSlope=2, RescaleIntercept=-number)
        save(image, tmp_path / f"deep/{number}", "IMAGE")
    stack, asides = only(stacks())
    assert (heights(stack), stack.problems, stack.flags, asides) == ([0, 5, 10, 15], (), {}, [])
    assert [plane.uid[-1] for plane in stack.planes] == ["3", "1", "4", "2"]
    data = read_voxels(stack.planes)
    assert (data.shape, data.dtype) == ((5, 4, 4), np.int16)
    assert data[0, 0].tolist() == [-3, 99, 196, 298]  # 2 (10 z) - number
    assert data[1, 0, 0] - data[0, 0, 0] == 2  # along a row of the image
    np.testing.assert_allclose(stack.affine, [[-0.5, 0, 0, -10], [0, -2, 0, -20], [0, 0, 5, 0], [0, 0, 0, 1]])


def test_an_equal_copy_is_dropped_and_told(write, stacks):
    write([0, 5, 10])
    write([5], first=2, folder="copy")
    stack, _ = only(stacks())
    assert (heights(stack), stack.problems) == ([0, 5, 10], ())
    assert stack.flags == {"copies": "equal copies of slices that were left out: 1"}


def test_two_slices_at_one_position_are_refused(write, stacks):
    write([0, 5, 10])
    write([5], first=4, value=7)
    stack, _ = only(stacks())
    assert "series 7 must hold one slice at a position, got 1 more with other pixels" in words(stack)


@pytest.mark.parametrize("lost", [[15], [15, 20], [5, 20], [25]])
def test_a_lost_slice_is_refused(write, stacks, lost):
    write([height for height in range(0, 35, 5) if height not in lost])
    stack, _ = only(stacks())
    assert "must hold every slice between its ends" in words(stack)


def test_a_change_of_spacing_is_told(write, stacks):
    write([0, 4, 8, 12, 19, 26, 33])
    stack, _ = only(stacks())
    assert stack.problems == ()
    assert stack.flags["uneven"].startswith("slices are 4 to 7 mm apart and up to 4.5 mm from where the affine puts")
    assert stack.positions.tolist() == [0, 4, 8, 12, 19, 26, 33]


def test_positions_rounded_by_the_header_are_even(write, stacks):
    write(np.round(np.arange(12) * 0.625, 1))
    assert only(stacks())[0].flags == {}


@pytest.mark.parametrize("first", [1, 3])
def test_slices_lost_at_an_end_are_told(write, stacks, first):
    write([0, 5, 10], first=first)
    write([30], first=first + 4, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    stack, [scout] = only(stacks())
    assert (scout.kind, scout.reason) == ("set aside", "scout")
    assert stack.flags["numbers"].startswith(f"images that are left out, by their numbers: {first};")


def test_a_header_that_says_less_between_slices_is_told(write, stacks):
    write([0, 5, 10], SpacingBetweenSlices=2.5)
    assert only(stacks())[0].flags["spacing"].startswith("slices are 5 mm apart, the header says 2.5 mm")


def test_a_tilted_gantry_gives_shear(write, stacks):
    write([0, 5, 10], ImageOrientationPatient=[1, 0, 0, 0, 0.8, 0.6])
    stack, _ = only(stacks())
    assert stack.flags["tilt"].startswith("slices are sheared by 36.9 degrees")
    np.testing.assert_allclose(stack.affine[:3, 2], [0, 0, 5])
    np.testing.assert_allclose(stack.affine[:3, 1], [0, -1.6, 1.2])
    np.testing.assert_allclose(np.diff(stack.positions), 4)


REPEATED = {
    "echo time": ("EchoTime", (10, 80)),
    "image type": ("ImageType", (["ORIGINAL", "PRIMARY", "M", "WATER"], ["ORIGINAL", "PRIMARY", "M", "FAT"])),
    "b-value": ("DiffusionBValue", (0, 1000)),
    "temporal position": ("TemporalPositionIdentifier", (1, 2)),
    "acquisition": ("AcquisitionNumber", (1, 2)),
    "acquisition time": ("AcquisitionTime", ("101010", "101015")),
}


@pytest.mark.parametrize("name", REPEATED)
def test_images_of_one_position_are_told_apart(write, stacks, name):
    attribute, values = REPEATED[name]
    write([0, 5, 10], **{attribute: values[0]})
    write([0, 5, 10], first=4, value=900, **{attribute: values[1]})
    found, asides = stacks()
    assert (asides, [heights(stack) for stack in found]) == ([], [[0, 5, 10]] * 2)
    assert {stack.flags["split"] for stack in found} == {f"one of 2 stacks of its series, which differ in {name}"}
    assert [read_voxels(stack.planes)[0, 0, 0] for stack in found] == [0, 900]


def test_what_changes_from_slice_to_slice_splits_nothing(write, stacks):
    for number, height in enumerate((0, 5, 10), 1):
        write([height], first=number, AcquisitionNumber=number, ImageType=["ORIGINAL", "PRIMARY", "AXIAL", str(number)])
    assert heights(only(stacks())[0]) == [0, 5, 10]
    write([5], first=9, value=7, AcquisitionNumber=9)
    assert "must hold one slice at a position" in words(only(stacks())[0])


def test_a_single_image_across_the_stack_is_set_aside(write, stacks):
    write([0, 5, 10])
    write([20], first=4, ImageOrientationPatient=SIDEWAYS)
    write([15], first=5, size=(6, 5))
    stack, asides = only(stacks())
    assert (heights(stack), stack.problems) == ([0, 5, 10], ())
    reason = "a single image beside a stack of its series, of another "
    assert sorted(aside.reason for aside in asides) == [reason + "matrix", reason + "matrix and orientation"]


def test_one_slice_of_another_matrix_in_the_middle_leaves_a_gap(write, stacks):
    write([0, 5, 15, 20])
    write([10], first=5, size=(6, 5))
    assert "must hold every slice between its ends, got 10 mm after slice 1" in words(only(stacks())[0])


def test_stacks_of_one_series_stay_apart(write, stacks):
    write([0, 5, 10])
    write([0, 5], first=4, size=(6, 5))
    write([20, 25], first=6, FrameOfReferenceUID="1.2.88")
    assert sorted(len(stack.planes) for stack in stacks()[0]) == [2, 2, 3]


def test_directions_that_all_differ_are_refused(tmp_path, stacks):
    for number, angle in enumerate((0.0, 0.5, 1.0), 1):
        turned = [np.cos(angle), np.sin(angle), 0, 0, 0, -1]
        save(slice_of(number, (0, 0, 0), ImageOrientationPatient=turned), tmp_path)
    found, _ = stacks()
    assert len(found) == 3
    assert all("must hold parallel slices, got 3 single images that differ in orientation" in words(s) for s in found)


def test_two_patients_never_share_a_stack(write, stacks):
    write([0, 5])
    write([10, 15], first=3, PatientID="4712")  # the series of the other one, by a faulty export
    assert [heights(stack) for stack in stacks()[0]] == [[0, 5], [10, 15]]


ASIDE = {
    "scout": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "scout, by its description": {"SeriesDescription": "3-plane localizer"},
    "screen capture": {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
    "protocol page": {"ImageType": ["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"]},
    "Secondary Capture Image Storage": {"kind": SecondaryCaptureImageStorage},
    "Segmentation Storage": {"kind": SegmentationStorage},
    "an object of an unknown class": {"kind": "1.2.3.4"},
    "color image": {"SamplesPerPixel": 3},
}


@pytest.mark.parametrize("reason", ASIDE)
def test_what_is_no_slice_is_set_aside_by_name(write, stacks, reason):
    write([0, 5])
    write([10], first=3, **ASIDE[reason])
    stack, [aside] = only(stacks())
    assert (heights(stack), stack.problems) == ([0, 5], ())
    assert (aside.kind, aside.name, aside.reason) == ("set aside", "series 7", reason)


REFUSED = {
    "mosaics of many slices": {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]},
    "another color space": {"PhotometricInterpretation": "MONOCHROME1"},
    "frames without positions": {"NumberOfFrames": 3},
    "an image without ImagePositionPatient": {"ImagePositionPatient": None},
    "an image without PixelSpacing": {"PixelSpacing": None},
}


@pytest.mark.parametrize("found", REFUSED)
def test_an_image_that_cannot_be_placed_is_refused_and_its_neighbors_flagged(write, stacks, found):
    write([0, 5])
    write([10], first=3, **REFUSED[found])
    stack, [aside] = only(stacks())
    assert aside.kind == "refused"
    assert f"got {found}" in aside.reason
    assert stack.flags["lost"].startswith("files beside it that cannot be read: 1")


def test_wrong_geometry_is_refused_all_at_once(write, stacks):
    write([0, 5], ImageOrientationPatient=[1, 0, 0, 1, 0, 0.1], PixelSpacing=[0, 1])
    text = words(only(stacks())[0])
    assert "must have unit directions at right angles" in text
    assert "must have pixels of a positive size, got [0.0, 1.0] mm" in text


def test_a_single_slice_is_as_thick_as_its_header_says(write, stacks):
    write([5], SliceThickness=3, ImageType=["DERIVED", "PRIMARY", "AXIAL"], LossyImageCompression="01")
    stack, _ = only(stacks())
    assert set(stack.flags) == {"single", "derived", "lossy"}
    assert stack.affine[2, 2] == 3


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_encodings_give_the_same_pixels(write, stacks, syntax):
    write([0, 5], syntax=syntax)
    assert read_voxels(only(stacks())[0].planes)[:, 0, 1].tolist() == [50, 51, 52, 53, 54]


def test_a_file_without_file_header_is_read(tmp_path, write, stacks):
    write([0, 5], syntax=ImplicitVRLittleEndian)
    for file in (tmp_path / "s").iterdir():
        content = file.read_bytes()
        length = int.from_bytes(content[140:144], "little")  # of the file header's group, behind the preamble
        file.write_bytes(content[144 + length :])
    assert read_voxels(only(stacks())[0].planes)[0, 0].tolist() == [0, 50]


def test_twelve_signed_bits_are_read_without_what_lies_above_them(write, stacks):
    write([0, 5], value=-2 + 0x2000, PixelRepresentation=1, BitsStored=12, HighBit=11)
    assert read_voxels(only(stacks())[0].planes)[:, 0, 0].tolist() == [-2, -1, 0, 1, 2]


def test_run_length_encoding_is_read(tmp_path, stacks):
    from pydicom.uid import RLELossless

    for number in (1, 2):
        image = slice_of(number, (0, 0, 5 * number))
        image.compress(RLELossless)
        save(image, tmp_path)
    assert read_voxels(only(stacks())[0].planes)[:, 0, 0].tolist() == [50, 51, 52, 53, 54]


def test_large_and_fractional_values_are_exact(write, stacks):
    write([0, 5], value=60000)
    assert read_voxels(only(stacks())[0].planes).dtype == np.uint16
    write([0, 5], value=60000, RescaleSlope=0.5, RescaleIntercept=0)
    assert read_voxels(only(stacks())[0].planes)[1, 0, 0] == 30000.5


def test_a_decoder_that_is_not_there_is_named(write, stacks, monkeypatch):
    write([0, 5])
    monkeypatch.setattr(pixels, "get_decoder", lambda syntax: type("", (), {"is_available": False}))
    text = words(only(stacks())[0])
    assert (
        "must be compressed as a decoder here reads it, got Explicit VR Little Endian: pip install python-gdcm" in text
    )


def test_a_transfer_syntax_of_films_is_refused():
    [problem] = pixels.decoder_problems([type("", (), {"syntax": MPEG2MPML})], "series 7")
    assert problem.remedy == "export it uncompressed"


def test_frames_are_ordered_and_scaled_one_by_one(tmp_path, stacks):
    frames = [{"position": (0, 0, z), "value": 10 + z, "slope": 1 + z} for z in (6, 0, 3)]
    save(enhanced(frames), tmp_path)
    stack, _ = only(stacks())
    assert [plane.frame for plane in stack.planes] == [2, 3, 1]
    assert read_voxels(stack.planes)[0, 0].tolist() == [10, 52, 112]


def test_frames_of_several_echoes_times_and_directions_are_told_apart(tmp_path, stacks):
    frames = [{"position": (0, 0, z), "value": z, "echo": echo, "time": time, "direction": [1.0, 0.0, turn]}
              for z in (0, 3) for echo in (5, 50) for time in (1, 2) for turn in (0.0, 1.0)]  # fmt: skip
    save(enhanced(frames), tmp_path)
    found, _ = stacks()
    assert [heights(stack) for stack in found] == [[0, 3]] * 8
    assert "gradient direction, temporal position" in found[0].flags["split"]


def test_several_enhanced_files_of_one_series_are_told_apart(tmp_path, stacks):
    for number in (1, 2):
        frames = [{"position": (0, 0, z), "value": z + number} for z in (0, 3)]
        save(enhanced(frames, uid=f"1.2.4.{number}"), tmp_path)
    assert [read_voxels(stack.planes)[0, 0].tolist() for stack in stacks()[0]] == [[1, 4], [2, 5]]


def test_planes_know_their_instance_number_and_the_first_of_their_windows(write, stacks):
    write([0, 3], first=5, WindowCenter=[40, 300], WindowWidth=[80, 1500])
    stack, _ = only(stacks())
    assert [plane.instance for plane in stack.planes] == [5, 6]
    assert {plane.window for plane in stack.planes} == {(40.0, 80.0)}


def test_planes_without_a_window_have_none(write, stacks):
    write([0, 3], WindowCenter=40)
    assert {plane.window for plane in only(stacks())[0].planes} == {None}


def test_frames_have_their_own_window_and_no_instance_number(tmp_path, stacks):
    image = enhanced([{"position": (0, 0, height), "value": 1} for height in (0, 3)])
    for group, center in zip(image.PerFrameFunctionalGroupsSequence, (10, 20), strict=True):
        window = type(group)()
        window.WindowCenter, window.WindowWidth = center, 50
        group.FrameVOILUTSequence = [window]
    save(image, tmp_path)
    planes = only(stacks())[0].planes
    assert [(plane.instance, plane.window) for plane in planes] == [(None, (10, 50)), (None, (20, 50))]
