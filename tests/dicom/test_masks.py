"""Segmentations and contours of a study become masks on the grid of their series, or are refused with the reason."""

import json

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT
from support.dicom_files import image_header, item, save
from support.dicom_series import AXIAL, HEIGHTS, OBLIQUE, SIZE, SPACING, at, series

pytest.importorskip("pydicom", minversion="3")
from pydicom import dcmread
from pydicom.uid import RTStructureSetStorage, SegmentationStorage

from bundle.dicom import find_stacks, mask_files, prepare_study, read_headers
from bundle.dicom.masks import MASK_KINDS, read_masks

FORMATS = ROOT.parent / "shared/data/formats/dicom"
TURNED = (0.955336, 0.289630, 0.058711, -0.295520, 0.936293, 0.189796)
TRUTH = np.zeros((len(HEIGHTS), *SIZE), np.uint8)
TRUTH[1:4, 3:9, 4:12] = 1
TRUTH[2, 5:7, 6:9] = 0  # a hole


def segmentation(folder, kind="BINARY"):
    """Write a segmentation by highdicom, its frames in the order of the files."""
    highdicom = pytest.importorskip("highdicom")
    from highdicom.sr.coding import CodedConcept

    sources = [dcmread(path) for path in sorted(folder.rglob("1.2.4.*"))]
    for source in sources:  # what highdicom asks of a source
        source.StudyID = source.StudyDate = source.StudyTime = source.AccessionNumber = ""
        source.PatientBirthDate = source.PatientSex = ""
    code = CodedConcept("1", "99TEST", "tumor")
    about = highdicom.seg.SegmentDescription(1, "tumor", code, code, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL)
    pixels = TRUTH if kind != "FRACTIONAL" else TRUTH * 0.7 + 0.2
    image = highdicom.seg.Segmentation(
        sources, pixels, kind, [about], "1.2.6", 20, "1.2.7", 1, "maker", "model", "1", "serial"
    )
    return save(image, folder / "seg", "seg.dcm")


def square(top, left, bottom, right):
    """Corners of a rectangle, half a pixel outside of the pixels that it holds; rows and columns."""
    return [(top - 0.5, left - 0.5), (top - 0.5, right + 0.5), (bottom + 0.5, right + 0.5), (bottom + 0.5, left - 0.5)]


def contour(height, corners, orientation, kind="CLOSED_PLANAR"):
    row, column = np.reshape(orientation, (2, 3))
    points = [at(height, orientation) + r * SPACING[0] * column + c * SPACING[1] * row for r, c in corners]
    return item(ContourGeometricType=kind, ContourData=[f"{v:.6f}" for v in np.ravel(points)], NumberOfContourPoints=4)


def structure_set(folder, orientation=AXIAL, series_uid="1.2.3", frame="1.2.8"):
    image = image_header(
        "1.2.6", RTStructureSetStorage, Modality="RTSTRUCT", SeriesInstanceUID="1.2.66", SeriesNumber=30
    )
    references = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=series_uid)])
    image.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID="1.2.8", RTReferencedStudySequence=[references])
    ]
    image.StructureSetROISequence = [item(ROINumber=1, ROIName="GTV", ReferencedFrameOfReferenceUID=frame)]
    outlines = [contour(height, square(3, 4, 8, 11), orientation) for height in (4, 8, 12)]
    outlines += [contour(8, square(5, 6, 6, 8), orientation), contour(10, square(0, 0, 1, 1), orientation)]
    outlines += [contour(4, square(0, 0, 1, 1), orientation, "OPEN_PLANAR")]
    image.ROIContourSequence = [item(ReferencedROINumber=1, ContourSequence=outlines)]
    return save(image, folder / "rt", "rt.dcm")


def prepared(tmp_path):
    [case] = prepare_study(tmp_path / "in", tmp_path / "out", tmp_path / "key")
    return case, json.loads((case.folder / "study.json").read_text())


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_a_segmentation_lies_on_the_slices_of_its_series(tmp_path, kind):
    series(tmp_path / "in", orientation=OBLIQUE)
    segmentation(tmp_path / "in", kind)
    case, account = prepared(tmp_path)
    [volume] = account["volumes"]
    [mask] = volume["masks"]
    assert (mask["name"], mask["voxels"], mask["notes"]) == ("tumor", int(TRUTH.sum()), [])
    image = nib.load(case.folder / mask["file"])
    assert np.array_equal(np.asarray(image.dataobj), TRUTH.transpose(2, 1, 0))
    np.testing.assert_array_equal(image.affine, nib.load(case.folder / volume["file"]).affine)
    assert [entry["reason"] for entry in account["set_aside"]] == []
    assert "mask series7_ct/mask_1.nii.gz" in case.text


def test_a_segmentation_by_a_program_is_noted(tmp_path):
    series(tmp_path / "in")
    image = dcmread(path := segmentation(tmp_path / "in"))
    image.SegmentSequence[0].SegmentAlgorithmType = "AUTOMATIC"
    image.save_as(path)
    assert prepared(tmp_path)[1]["volumes"][0]["masks"][0]["notes"] == ["a program drew it, no reader"]


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE])
def test_contours_enclose_the_pixels_whose_centers_they_hold(tmp_path, orientation):
    series(tmp_path / "in", orientation=orientation)
    structure_set(tmp_path / "in", orientation)
    case, account = prepared(tmp_path)
    [mask] = account["volumes"][0]["masks"]
    assert np.array_equal(np.asarray(nib.load(case.folder / mask["file"]).dataobj), TRUTH.transpose(2, 1, 0))
    assert mask["notes"] == ["contours that enclose nothing: 1", "contours that lie on no slice: 1"]


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE, TURNED])
def test_a_contour_through_the_centers_of_pixels_holds_them_in_every_direction(tmp_path, orientation):
    series(tmp_path / "in", orientation=orientation)
    image = dcmread(path := structure_set(tmp_path / "in", orientation))
    corners = [(3, 4), (3, 11), (8, 11), (8, 4)]
    image.ROIContourSequence[0].ContourSequence = [contour(height, corners, orientation) for height in HEIGHTS]
    image.save_as(path)
    assert prepared(tmp_path)[1]["volumes"][0]["masks"][0]["voxels"] == len(HEIGHTS) * 48


def filled(tmp_path, *outlines, name="GTV"):
    """Pixels of each slice of the mask of a region with these contours, its entry, and the case."""
    series(tmp_path / "in")
    path = structure_set(tmp_path / "in")
    image = dcmread(path)
    image.StructureSetROISequence[0].ROIName = name
    image.ROIContourSequence[0].ContourSequence = [contour(*each, AXIAL) for each in outlines]
    image.save_as(path)
    case, account = prepared(tmp_path)
    [mask] = account["volumes"][0]["masks"]
    return np.asarray(nib.load(case.folder / mask["file"]).dataobj).sum(axis=(0, 1)).tolist(), mask, case


def test_contours_between_slices_do_not_undo_those_on_them(tmp_path):
    outlines = [(height, square(3, 4, 8, 11)) for height in (4, 4.4, 7.6, 8, 8.4, 12)]
    counts, mask, case = filled(tmp_path, *outlines)
    assert counts == [0, 48, 48, 48, 0]
    assert f"\n      {mask['notes'][0]}" in case.text
    assert mask["notes"] == ["contours of a plane that is further from its slice than another one: 3"]


def test_what_a_mask_leaves_out_of_its_contours_is_noted(tmp_path):
    one, other, tiny = square(3, 4, 8, 11), square(5, 6, 10, 13), [(2.2, 2.2), (2.2, 2.4), (2.4, 2.4)]
    counts, mask, _ = filled(tmp_path, (4, one), (4, one), (12, one), (12, other), (12, tiny))
    assert counts == [0, 48, 0, 48, 0]  # of 2 x 48 pixels 4 x 6 lie in both
    assert mask["notes"] == [
        "contours that are there twice: 1",
        "contours that cross another one, without what is in both: 1",
        "contours without the center of a pixel: 1",
        "slices without a contour between those with one: 1",
    ]


@pytest.mark.parametrize(
    "again",
    [lambda corners: corners[::-1], lambda corners: corners[1:] + corners[:1], lambda corners: corners + corners[:1],
     lambda corners: [(row + 0.001, column) for row, column in corners]],
    ids=["reversed", "begun elsewhere", "closed", "rounded"],
)  # fmt: skip
def test_a_contour_that_is_drawn_twice_does_not_undo_itself(tmp_path, again):
    one = square(3, 4, 8, 11)
    counts, mask, _ = filled(tmp_path, (4, one), (4, again(one)), (8, one))
    assert counts == [0, 48, 48, 0, 0]
    assert mask["notes"] == ["contours that are there twice: 1"]


@pytest.mark.parametrize("outlines", [None, []], ids=["no contours", "an empty list of them"])
def test_a_region_that_nobody_drew_is_noted(tmp_path, outlines):
    series(tmp_path / "in")
    image = dcmread(path := structure_set(tmp_path / "in"))
    image.ROIContourSequence[0].ContourSequence = outlines
    if outlines is None:
        del image.ROIContourSequence[0].ContourSequence
    image.save_as(path)
    case, account = prepared(tmp_path)
    [mask] = account["volumes"][0]["masks"]
    assert mask["voxels"] == 0
    assert mask["notes"] == ["it is empty: every slice counts as one without the finding"]
    assert mask["notes"][0] in case.text


def test_a_point_or_a_line_encloses_nothing_whatever_it_is_called(tmp_path):
    counts, mask, _ = filled(tmp_path, (4, square(3, 4, 8, 11)), (8, [(3, 3)]), (12, [(3, 3), (3, 5)]))
    assert counts == [0, 48, 0, 0, 0]
    assert mask["notes"] == ["contours that enclose nothing: 2"]


def test_contours_beside_each_other_do_not_cross(tmp_path):
    outlines = [(4, square(top, left, top, left)) for top in range(12) for left in range(16)]
    counts, mask, _ = filled(tmp_path, *outlines)
    assert (counts[1], mask["notes"]) == (192, [])


@pytest.mark.parametrize("data", [None, []])
def test_points_without_places_take_no_contour_with_them(tmp_path, data):
    series(tmp_path / "in")
    path = structure_set(tmp_path / "in")
    image = dcmread(path)
    point = item(ContourGeometricType="POINT", ContourData=data)
    image.ROIContourSequence[0].ContourSequence.append(point)
    image.save_as(path)
    [mask] = prepared(tmp_path)[1]["volumes"][0]["masks"]
    assert mask["notes"][0] == "contours that enclose nothing: 2"


def test_the_words_of_an_organ_stay_where_the_patient_is_named_by_it(tmp_path):
    series(tmp_path / "in", PatientID="PANCREAS_0001", PatientName="PANCREAS_0001")
    image = dcmread(path := structure_set(tmp_path / "in"))
    image.PatientID = image.PatientName = "PANCREAS_0001"
    image.StructureSetROISequence[0].ROIName = "Pancreas"
    image.save_as(path)
    assert prepared(tmp_path)[1]["volumes"][0]["masks"][0]["name"] == "Pancreas"


def test_a_mask_is_not_named_after_a_patient_whom_it_alone_names(tmp_path):
    series(tmp_path / "in", PatientName="ANON")
    image = dcmread(path := structure_set(tmp_path / "in"))
    image.StructureSetROISequence[0].ROIName = "GTV Doe"
    image.save_as(path)
    assert prepared(tmp_path)[1]["volumes"][0]["masks"][0]["name"] == ""


def test_a_mask_is_not_named_after_a_patient_whom_only_later_files_name(tmp_path):
    series(tmp_path / "in")
    for path in (min((tmp_path / "in").iterdir()), structure_set(tmp_path / "in")):
        image = dcmread(path)
        image.PatientName = ""
        if image.Modality == "RTSTRUCT":
            image.StructureSetROISequence[0].ROIName = "GTV Doe"
        image.save_as(path)
    assert prepared(tmp_path)[1]["volumes"][0]["masks"][0]["name"] == ""


@pytest.mark.parametrize("name", ["GTV Jane Doe", "gtv_doe", "GTVJANE", "4711 GTV"])
def test_a_mask_is_not_named_after_the_patient(tmp_path, name):
    _, mask, _ = filled(tmp_path, (4, square(3, 4, 8, 11)), name=name)
    assert (mask["name"], mask["notes"]) == (
        "",
        ["its name is left out, as a word of the patient's name or ID is in it"],
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"series_uid": "1.2.99"}, "a reference to a series that was not read"),
     ({"frame": "1.2.99"}, "another frame of reference")],
)  # fmt: skip
def test_contours_of_something_else_are_refused(tmp_path, change, reason):
    series(tmp_path / "in")
    structure_set(tmp_path / "in", **change)
    _, account = prepared(tmp_path)
    assert "masks" not in account["volumes"][0]
    assert f"must belong to one stack of its study, got {reason}" in account["refused"][0]["problems"][0]


def test_contours_that_refer_to_nothing_are_refused(tmp_path):
    series(tmp_path / "in")
    image = dcmread(path := structure_set(tmp_path / "in"))
    del image.ReferencedFrameOfReferenceSequence
    image.save_as(path)
    words = prepared(tmp_path)[1]["refused"][0]["problems"][0]
    assert words.endswith("got no reference to a series: export it again for one series.")


def test_a_region_of_another_frame_of_reference_takes_none_of_the_others_with_it(tmp_path):
    series(tmp_path / "in")
    image = dcmread(path := structure_set(tmp_path / "in"))
    outlines = image.ROIContourSequence[0].ContourSequence
    for number, frame in ((2, "1.2.99"), (3, "1.2.8")):
        region = item(ROINumber=number, ROIName=f"GTV {number}", ReferencedFrameOfReferenceUID=frame)
        image.StructureSetROISequence.append(region)
        image.ROIContourSequence.append(item(ReferencedROINumber=number, ContourSequence=outlines))
    image.save_as(path)
    _, account = prepared(tmp_path)
    assert [(mask["name"], mask["voxels"]) for mask in account["volumes"][0]["masks"]] == [("GTV", 138), ("GTV 3", 138)]
    [refused] = account["refused"]
    assert refused["problems"][0].startswith(
        "region 2 of series 30 must belong to one stack of its study, got another "
    )


def test_a_reference_to_one_of_several_stacks_needs_its_instances(tmp_path):
    series(tmp_path / "in")
    series(tmp_path / "in", first=6, size=(10, 16))
    structure_set(tmp_path / "in")
    _, account = prepared(tmp_path)
    assert "got a reference to 2 stacks" in account["refused"][0]["problems"][0]


def test_a_segmentation_on_another_grid_is_refused_and_a_broken_one_named(tmp_path):
    series(tmp_path / "in")
    path = segmentation(tmp_path / "in")
    image = dcmread(path)
    image.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 0]
    image.save_as(path)
    reference = item(SeriesInstanceUID="1.2.3")  # and no instances
    save(image_header("1.2.77", SegmentationStorage, ReferencedSeriesSequence=[reference]), tmp_path / "in")
    _, account = prepared(tmp_path)
    words = [entry["problems"][0] for entry in account["refused"]]
    assert "must lie on the slices of its series, got frames on another grid" in " ".join(words)
    assert "must hold a whole segmentation or structure set, got one that cannot be read (AttributeError)" in " ".join(
        words
    )


def without_maximum(image):
    del image.MaximumFractionalValue


def of_another_segment(image):
    image.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence[0].ReferencedSegmentNumber = 3


def of_another_label(image):
    image.PixelData = bytes(value * 3 for value in image.PixelData)


def with_a_place_less(image):
    image.PerFrameFunctionalGroupsSequence = image.PerFrameFunctionalGroupsSequence[:-1]


def padded(image):
    frames = [np.packbits(frame, bitorder="little").tobytes() for frame in image.pixel_array]
    image.PixelData = b"".join(frame + b"\0\0" for frame in frames)


def part(image):
    image.ConcatenationUID, image.InConcatenationNumber, image.InConcatenationTotalNumber = "1.2.55", 1, 2


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [("FRACTIONAL", without_maximum, "tell which value is the whole of a voxel, got no MaximumFractionalValue"),
     ("BINARY", of_another_segment, "describe every segment, got frames of the segments [3] that it does not"),
     ("LABELMAP", of_another_label, "describe every segment, got frames of the segments [3] that it does not"),
     ("BINARY", with_a_place_less, "tell the place of every frame, got 3 frames and 2 places"),
     ("BINARY", padded, "hold frames one right after the other, got 78 bytes where 72 hold all frames"),
     ("BINARY", part, "be whole, got a part of a concatenated segmentation")],
)  # fmt: skip
def test_a_segmentation_of_which_a_part_would_be_lost_is_refused(tmp_path, kind, change, reason):
    series(tmp_path / "in")
    image = dcmread(path := segmentation(tmp_path / "in", kind))
    change(image)
    image.save_as(path)
    _, account = prepared(tmp_path)
    assert "masks" not in account["volumes"][0]
    assert f"series 20 must {reason}" in account["refused"][0]["problems"][0]


def test_a_full_disk_stops_at_a_mask_too(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "no space")

    series(tmp_path / "in")
    structure_set(tmp_path / "in")
    monkeypatch.setattr(mask_files, "save_volume", full)
    with pytest.raises(OSError, match="must have space left"):
        prepared(tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(not FORMATS.exists(), reason="needs ../shared/data/formats/dicom")
@pytest.mark.parametrize(
    ("name", "reference"), [("ct_3slice_liver_seg", "seg/liver_seg.nrrd"), ("ct_lung_ibsi1", "nifti/mask.nii.gz")]
)
def test_masks_of_others_are_those_that_other_programs_make(name, reference):
    itk = pytest.importorskip("SimpleITK")
    stacks, asides = find_stacks(read_headers(FORMATS / name))
    [found] = [aside for aside in asides if aside.reason in MASK_KINDS]
    [mask] = read_masks(found.file, stacks)
    expected = itk.ReadImage(str(FORMATS / name / reference))
    affine = stacks[0].affine * [[-1], [-1], [1], [1]]
    indices = np.argwhere(mask.voxels)
    places = (indices @ affine[:3, :3].T + affine[:3, 3])[:: len(indices) // 2000]
    assert all(expected[expected.TransformPhysicalPointToIndex(list(place))] for place in places)
    assert (np.count_nonzero(itk.GetArrayFromImage(expected)), mask.notes) == (len(indices), ())
