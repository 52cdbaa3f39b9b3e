"""A study folder is split into stacks, and whatever is no whole stack is refused or set aside, by name."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from support.dicom_files import STUDY, enhanced, image_header, item, save, slice_of

pytest.importorskip("pydicom", minversion="3")
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
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


def test_a_header_that_says_more_between_slices_is_told(write, stacks):
    write([0, 5, 10], SpacingBetweenSlices=10)
    assert only(stacks())[0].flags["spacing"].endswith("5 mm apart, the header says 10 mm: they may be two volumes")


@pytest.mark.parametrize("attribute", ["ConvolutionKernel", "RepetitionTime", "FlipAngle", "KVP", "Units"])
def test_slices_that_alternate_between_two_volumes_are_told(write, stacks, attribute):
    values = ("BQML", "CNTS") if attribute == "Units" else ("40", "80")
    write([0, 10, 20], **{attribute: values[0]})
    write([5, 15, 25], first=4, **{attribute: values[1]})
    assert "mixed" in only(stacks())[0].flags


def test_another_b_value_in_one_of_three_slices_is_told(write, stacks):
    write([0, 5], DiffusionBValue=0)
    write([10], first=3, DiffusionBValue=1000)
    assert only(stacks())[0].flags["mixed"] == "slices differ in b-value"


def test_one_instance_uid_for_several_slices_is_refused(tmp_path, stacks):
    for number in (1, 2, 3):
        save(slice_of(number, (10, 20, 5 * number), SOPInstanceUID="1.2.99"), tmp_path, f"{number}.dcm")
    assert "series 7 must have one SOP Instance UID a slice, got 1 for 3 slices" in words(only(stacks())[0])


@pytest.mark.parametrize("attribute", ["PatientName", "PatientBirthDate"])
def test_two_persons_of_one_patient_id_are_told(write, stacks, attribute):
    values = ("Doe^Jane", "doe^jane^^^Mrs", "Roe^Jane") if attribute == "PatientName" else ("19500101", "", "19510101")
    write([0, 5], **{attribute: values[0]})
    write([10], first=3, **{attribute: values[1]})
    assert only(stacks())[0].flags == {}  # in another spelling, or silent
    write([15], first=4, **{attribute: values[2]})
    told = "names or birth dates under its PatientID differ: it may be of several persons"
    assert only(stacks())[0].flags == {"persons": told}


def test_a_repetition_time_that_alternates_does_not_part_two_times(write, stacks):
    for time in (1, 2):
        for turn in (0, 1):
            write(
                [0 + 5 * turn, 10 + 5 * turn],
                10 * time + 2 * turn,
                value=time,
                AcquisitionNumber=time,
                RepetitionTime=500 + turn,
            )
    assert [heights(stack) for stack in stacks()[0]] == [[0, 5, 10, 15]] * 2


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_position_that_is_no_number_refuses_its_image_alone(write, tmp_path, stacks, value):
    write([5, 10])
    path = save(slice_of(3, (10, 20, 111)), tmp_path)
    path.write_bytes(path.read_bytes().replace(b"20.0\\111.0", b"20.0\\  " + value.encode()))
    stack, [aside] = only(stacks())
    assert (heights(stack), aside.kind) == ([5, 10], "refused")


def test_wide_gaps_at_an_end_that_are_unlike_each_other_are_lost_slices(write, stacks):
    write([0, 5, 10, 15, 25, 60])
    assert "must hold every slice between its ends" in words(only(stacks())[0])


def test_slices_beside_each_other_are_no_volume(write, tmp_path, stacks):
    for number in range(4):
        save(slice_of(number + 1, (100 * number, 20, 5 * number)), tmp_path)
    assert "must hold slices that lie above each other, got a shear of 87.1 degrees" in words(only(stacks())[0])


def test_equal_slices_beside_each_other_are_no_copies(write, tmp_path, stacks):
    write([0, 5])
    save(slice_of(3, (300, 20, 5), 50), tmp_path)
    assert "must hold one slice at a position, got 1 more with other pixels or beside it" in words(only(stacks())[0])


def test_a_last_slice_whose_direction_is_rounded_is_told(write, stacks):
    write([0, 5])
    write([10], first=3, ImageOrientationPatient=[1, 6e-4, 0, -6e-4, 1, 0])
    stack, [aside] = only(stacks())
    assert "another orientation" in aside.reason
    assert stack.flags["apart"] == "single images of its series that were set aside: 1"


def test_a_single_slice_has_a_distance_without_its_sign(write, stacks):
    write([5], SpacingBetweenSlices=-3)
    np.testing.assert_allclose(only(stacks())[0].affine[:3, 2], [0, 0, 3])


def test_slices_that_a_scanner_counts_and_that_are_not_there_are_told(write, stacks):
    write([0, 5, 10], NumberOfSlices=5)
    assert only(stacks())[0].flags["numbers"].startswith("images that are left out, by their numbers: 2;")


def test_images_without_numbers_are_not_counted(write, stacks):
    write([0, 5, 10], NumberOfSlices=3, InstanceNumber=None)
    assert only(stacks())[0].flags == {}


def test_images_that_a_directory_lists_and_that_are_not_there_are_told(write, tmp_path, stacks):
    write([0, 5, 10])
    kinds = [
        ("PATIENT", {"PatientID": "4711"}),
        ("STUDY", {"StudyInstanceUID": STUDY}),
        ("SERIES", {"SeriesInstanceUID": "1.2.3"}),
    ]
    kinds += [("IMAGE", {"ReferencedSOPInstanceUIDInFile": f"1.2.4.{number}"}) for number in range(1, 6)]
    kinds += [("IMAGE", {"ReferencedSOPInstanceUIDInFile": "1.2.4.9", "RecordInUseFlag": 0})]
    directory = image_header("1.2.7", MediaStorageDirectoryStorage)
    directory.DirectoryRecordSequence = [item(DirectoryRecordType=kind, **more) for kind, more in kinds]
    save(directory, tmp_path, "DICOMDIR")
    stack, [aside] = only(stacks())
    assert aside.reason == "Media Storage Directory Storage"
    assert stack.flags["listed"].startswith("images that the DICOMDIR lists and that are not there: 2;")


def test_a_linked_folder_is_read_once_also_where_it_leads_in_a_circle(write, tmp_path, stacks):
    write([0, 5], folder="a")
    write([10], first=3, folder="../elsewhere")
    write([15], first=4, folder="../another patient")
    (tmp_path / "a/up").symlink_to(tmp_path / "..", target_is_directory=True)
    (tmp_path / "a/b").symlink_to(tmp_path / "../elsewhere", target_is_directory=True)
    (tmp_path / "a/c").symlink_to(tmp_path, target_is_directory=True)
    stack, asides = only(stacks())
    assert (heights(stack), stack.flags, asides) == ([0, 5, 10], {}, [])


def test_a_part_of_an_enhanced_image_that_is_not_there_is_told(tmp_path, stacks):
    for part in (1, 2):
        frames = [{"position": (0, 0, 4 * part + 2 * index), "value": part} for index in range(2)]
        about = {"ConcatenationUID": "1.2.77", "InConcatenationNumber": part, "InConcatenationTotalNumber": 3}
        save(enhanced(frames, uid=f"1.2.4.{part}", **about), tmp_path)
    stack, _ = only(stacks())
    assert stack.flags["parts"].startswith("parts of its images that are not there: 1;")


def test_a_frame_without_an_intercept_has_none_and_one_with_a_slope_of_0_is_refused(tmp_path, stacks):
    image = enhanced([{"position": (0, 0, height), "value": 5, "slope": 3} for height in (0, 2)])
    for groups in image.PerFrameFunctionalGroupsSequence:
        del groups.PixelValueTransformationSequence[0].RescaleIntercept
    save(image, tmp_path)
    assert (read_voxels(only(stacks())[0].planes) == 15).all()
    groups.PixelValueTransformationSequence[0].RescaleSlope = 0
    save(image, tmp_path)
    found, [aside] = stacks()
    assert found == []
    assert "series 7 must have a rescale slope" in aside.reason


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


@pytest.mark.parametrize(
    ("attribute", "name"),
    [("PatientID", "patient"), ("StudyInstanceUID", "study"), ("SeriesNumber", "series number")],
)
def test_a_series_of_which_a_part_was_renamed_is_told(write, stacks, attribute, name):
    write([0, 5, 10])
    write([15, 20], first=4, **{attribute: "12"})
    words = f"one of 2 parts of its series, which differ in {name}: slices may be missing"
    assert [stack.flags["torn"] for stack in stacks()[0]] == [words] * 2


def test_series_without_a_uid_are_told_apart_by_their_numbers(write, stacks):
    write([0, 5, 10], SeriesInstanceUID="")
    write([0, 5], first=4, SeriesInstanceUID="", SeriesNumber=8)
    assert [set(stack.flags) for stack in stacks()[0]] == [set(), set()]


def test_images_of_two_modalities_are_never_one_stack(write, stacks):
    write([0, 4, 8])
    write([2, 6, 10], first=4, kind=PositronEmissionTomographyImageStorage, Modality="PT")
    found, _ = stacks()
    assert [(heights(stack), stack.planes[0].modality) for stack in found] == [([0, 4, 8], "CT"), ([2, 6, 10], "PT")]
    assert {stack.flags["split"] for stack in found} == {"one of 2 stacks of its series, which differ in modality"}


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
    assert "thickness" not in stack.flags["single"]


@pytest.mark.parametrize(
    ("header", "flag"),
    [
        ({"RescaleType": "MGML"}, "its values are mg/ml by the header, not Hounsfield units"),
        ({"RescaleType": "Iodine map"}, "its values are another unit by the header, not Hounsfield units"),
        ({"RescaleType": "HU"}, None),
        ({"RescaleType": "Hounsfield Unit"}, None),
        ({"RescaleType": "HU_MOD"}, "its values are modified Hounsfield units by the header, not Hounsfield units"),
        ({"RescaleType": "US", "Modality": "MR"}, None),
        ({"RescaleType": "normalized", "Modality": "MR"}, None),
    ],
)
def test_a_ct_of_other_values_than_hounsfield_units_is_told(write, stacks, header, flag):
    write([0, 5], **header)
    assert only(stacks())[0].flags.get("units") == flag


@pytest.mark.parametrize(
    ("image_type", "is_told"),
    [
        (["ORIGINAL", "PRIMARY", "P", "ND"], True),
        (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"], True),
        (["ORIGINAL", "PRIMARY", "R", "IR"], True),
        (["ORIGINAL", "PRIMARY", "M", "ND"], False),
    ],
)
def test_an_mr_of_phases_or_parts_is_told(write, stacks, image_type, is_told):
    write([0, 5], ImageType=image_type, Modality="MR", kind=MRImageStorage)
    assert ("not magnitudes" in only(stacks())[0].flags.get("units", "")) == is_told


@pytest.mark.parametrize(
    ("units", "told"),
    [
        ("BQML", None),
        (None, None),
        ("CNTS", "its values are counts by the header, not Bq/ml"),
        ("1CM", "its values are another unit by the header, not Bq/ml"),
    ],
)
def test_a_pet_of_another_unit_is_told(write, stacks, units, told):
    write([0, 5], Units=units, Modality="PT", kind=PositronEmissionTomographyImageStorage)
    assert only(stacks())[0].flags.get("units") == told


def test_phases_that_only_a_component_tells_are_parted_from_magnitudes(tmp_path, stacks):
    parts = ("MAGNITUDE", "PHASE")
    frames = [{"position": (0, 0, z), "value": value} for value in (10, 900) for z in (0, 3)]
    image = enhanced(frames)
    for groups, part in zip(image.PerFrameFunctionalGroupsSequence, np.repeat(parts, 2), strict=True):
        groups.MRImageFrameTypeSequence[0].ComplexImageComponent = str(part)
    save(image, tmp_path)
    magnitude, phase = stacks()[0]
    assert [read_voxels(stack.planes)[0, 0].tolist() for stack in (magnitude, phase)] == [[10, 10], [900, 900]]
    assert (set(magnitude.flags), set(phase.flags)) == ({"split"}, {"split", "units"})


@pytest.mark.parametrize("at", [0, 2.5])
def test_parts_of_a_signal_that_only_a_private_number_tells_are_parted(tmp_path, stacks, at):
    for number, (part, height) in enumerate([(part, h + part * at) for part in (0, 1) for h in (0, 5, 10)], 1):
        image = slice_of(number, (0, 0, height), kind=MRImageStorage, Modality="MR", value=900 * part)
        image.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", part)
        save(image, tmp_path)
    found, _ = stacks()
    assert [(len(stack.planes), set(stack.flags)) for stack in found] == [(3, {"split"}), (3, {"split", "units"})]


def test_an_image_type_of_one_value_is_read_as_one(write, stacks):
    write([0, 5], ImageType="DERIVED")
    write([100], first=3, ImageType="LOCALIZER")
    stack, [aside] = only(stacks())
    assert (set(stack.flags), aside.reason) == ({"derived"}, "scout")


def test_a_single_slice_of_unknown_thickness_is_told(write, stacks):
    write([5])
    stack, _ = only(stacks())
    assert (stack.affine[2, 2], stack.flags["single"]) == (1, "a single slice of unknown thickness, 1 mm is assumed")


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


@pytest.mark.parametrize("irreversible", [False, True])
def test_a_wavelet_that_loses_is_told_where_its_header_is_silent(tmp_path, stacks, irreversible):
    stream = BytesIO()
    picture = Image.fromarray(np.arange(1024, dtype=np.uint16).reshape(32, 32))
    picture.save(stream, "JPEG2000", no_jp2=True, irreversible=irreversible)
    for number in (1, 2):
        image = slice_of(number, (0, 0, 5 * number), size=(32, 32), syntax=JPEG2000)
        image.PixelData = encapsulate([stream.getvalue()])
        image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
        save(image, tmp_path)
    assert ("lossy" in only(stacks())[0].flags) == irreversible
    for path in tmp_path.iterdir():  # a copy that was cut off in the middle of what tells
        content = path.read_bytes()
        path.write_bytes(content[: content.index(b"\xff\x52") + 6])
    stacks()


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


@pytest.mark.parametrize(("apart", "flag"), [(3, "mixed"), (0, "split")])
def test_stacks_of_frames_of_one_image_are_told_apart(tmp_path, stacks, apart, flag):
    places = [(stack, height) for stack in (1, 2) for height in (0, 6, 12, 18)]
    frames = [{"position": (0, 0, height + apart * stack), "value": 100 * stack} for stack, height in places]
    image = enhanced(frames)
    for (stack, _), group in zip(places, image.PerFrameFunctionalGroupsSequence, strict=True):
        group.FrameContentSequence = [item(StackID=str(stack))]
    save(image, tmp_path)
    found, _ = stacks()
    assert [len(stack.planes) for stack in found] == ([8] if apart else [4, 4])
    assert all("differ in stack of frames" in stack.flags[flag] for stack in found)


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
