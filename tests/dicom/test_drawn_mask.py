"""A mask that was drawn on a contrast comes to lie where it was drawn, or is refused."""

import json

import nibabel as nib
import numpy as np
import pytest
from conftest import LPS
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from support.dicom_files import save, slice_of

pytest.importorskip("pydicom", minversion="3")
pytest.importorskip("SimpleITK")
from support.head_scans import FLAIR, ORGANS, T1, scan

from bundle.data import ChannelFiles, check_case
from bundle.dicom import find_stacks, prepare_study, read_headers
from bundle.dicom.contrasts import RULES
from bundle.dicom.drawn_mask import DrawnMask, write_drawn_mask
from bundle.dicom.registration import at_rest, to_itk

OBLIQUE, FLIPPED, CORONAL = (0.8, 0.6, 0, 0, 0, -1), (-1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1)


def stack_of(folder, number="3"):
    return next(stack for stack in find_stacks(read_headers(folder))[0] if stack.planes[0].number == number)


def write_mask(path, voxels, affine, axcodes=None):
    """Write a mask, its axes turned to `axcodes`."""
    if axcodes:
        turn = ornt_transform(io_orientation(affine), axcodes2ornt(axcodes))
        voxels, affine = apply_orientation(voxels, turn), affine @ inv_ornt_aff(turn, voxels.shape)
    nib.save(nib.Nifti1Image(voxels, affine), path)
    return path


def prepared(tmp_path, mask, **more):
    case, *_ = prepare_study(tmp_path / "in", tmp_path / "out", tmp_path / "key", contrasts=RULES, mask=mask, **more)
    channels = json.loads((case.folder / "study.json").read_text())["channels"]
    [entry] = [mask for channel in channels for mask in channel.get("masks", ())]
    return case, entry, nib.load(case.folder / entry["file"])


def centers(voxels, affine):
    """Centers of each value in mm."""
    return {v: (affine @ [*np.argwhere(voxels == v).mean(axis=0), 1])[:3] for v in np.unique(voxels) if v}


@pytest.mark.parametrize(
    ("orientation", "axcodes"),
    [((1, 0, 0, 0, 1, 0), "SPL"), (OBLIQUE, None), (OBLIQUE, "RAS"), (FLIPPED, "RAS"), (CORONAL, "LPI")],
)
def test_markers_land_at_their_place_on_cubes(orientation, axcodes, tmp_path):
    scan(tmp_path / "in", 3, orientation=orientation, spacing=(2.0, 0.75), **T1)
    stack = stack_of(tmp_path / "in")
    drawn = np.zeros(stack.shape, np.uint8)
    drawn[4:8, 3:5, 2:4], drawn[50:54, 12:14, 9:11], drawn[30, 2:4, 5:6] = 1, 2, 4
    mask = write_mask(tmp_path / "mask.nii.gz", drawn, stack.affine, axcodes)
    _, entry, image = prepared(tmp_path, mask, spacing=1.0)
    assert (entry["drawn_on"], entry["warnings"]) == ("t1", [])
    before, after = centers(drawn, stack.affine), centers(image.get_fdata(), image.affine)
    assert before.keys() == after.keys()
    assert all(np.abs(before[value] - after[value]).max() <= 0.6 for value in before)
    np.testing.assert_allclose((drawn == 2).sum() * 2.0 * 0.75 * 3, (image.get_fdata() == 2).sum(), rtol=0.2)
    _, entry, image = prepared(tmp_path, mask)
    np.testing.assert_array_equal(image.get_fdata(), drawn)
    assert entry["voxels"] == np.count_nonzero(drawn)


def test_a_mask_of_another_contrast_moves_with_it_and_the_folder_trains(tmp_path):
    moved = np.array([4, -3, 2])
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, moved=moved, invert=True, spacing=(1.8, 1.5), FrameOfReferenceUID="1.2.88", **FLAIR)
    stack = stack_of(tmp_path / "in", "4")
    indices = np.stack([*np.indices(stack.shape).reshape(3, -1), np.ones(np.prod(stack.shape))])
    places = (LPS @ stack.affine @ indices)[:3].T - moved
    organs = [np.linalg.norm(places - organ, axis=1) < 4 for organ in ORGANS[:2]]
    drawn = (organs[0] + 2 * organs[1]).reshape(stack.shape).astype(np.uint8)
    case, entry, image = prepared(tmp_path, write_mask(tmp_path / "mask.nii", drawn, stack.affine), spacing=1.0)
    assert (entry["drawn_on"], entry["warnings"]) == ("flair", [])
    assert f"    mask channels/seg.nii.gz: {entry['voxels']} voxels, drawn on flair" in case.text
    after = centers(image.get_fdata(), LPS @ image.affine)
    for value, organ in enumerate(ORGANS[:2], 1):
        assert np.abs(after[value] - organ).max() < 1.5
    [found] = ChannelFiles(tmp_path / "out", ["t1", "flair"], pattern="{case}/channels/{channel}").find()
    row, problems = check_case(found.item())
    assert (found.case, row.shape, problems) == (case.folder.name, image.shape, [])
    assert row.positive == np.any(image.get_fdata(), axis=(0, 1)).sum()
    again = prepared(tmp_path, case.folder / entry["file"], spacing=1.0)
    assert again[1]["drawn_on"] == "channels"
    np.testing.assert_array_equal(again[2].get_fdata(), image.get_fdata())


def test_what_cannot_be_told_or_is_cut_is_warned_of(tmp_path):
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, **FLAIR)
    stack = stack_of(tmp_path / "in")
    empty = write_mask(tmp_path / "mask.nii", np.zeros(stack.shape, np.uint8), stack.affine)
    case, entry, _ = prepared(tmp_path, empty)
    assert entry["warnings"] == [
        "it is empty: every slice counts as one without the finding",
        "taken as drawn on t1, but its grid is that of flair too: name the contrast",
    ]
    assert "    warning: it is empty" in case.text
    assert prepared(tmp_path, empty, mask_contrast="flair")[1]["drawn_on"] == "flair"


def test_a_mask_beyond_the_first_contrast_is_cut_or_refused(tmp_path):
    (tmp_path / "channels").mkdir()
    fixed, still = to_itk(np.zeros((4, 4, 4)), np.eye(4)), at_rest(to_itk(np.zeros((4, 4, 4)), np.eye(4))).transform
    drawn = np.zeros((6, 4, 4), np.uint8)
    drawn[3, 1], drawn[5, 2] = 1, 3
    entry = write_drawn_mask(DrawnMask("m.nii", drawn, np.eye(4), "t1", ()), fixed, still, tmp_path)
    assert (entry["voxels"], entry["warnings"]) == (
        4, ["4 of its 8 voxels lie outside the first contrast", "no voxel is left of [3]"])  # fmt: skip
    with pytest.raises(ValueError, match=r"m\.nii must overlap the first contrast, got no voxel of it there"):
        write_drawn_mask(DrawnMask("m.nii", drawn * (drawn == 3), np.eye(4), "t1", ()), fixed, still, tmp_path)


def test_what_does_not_belong_to_the_study_is_refused_before_anything_is_written(tmp_path):
    scan(tmp_path / "in", 3, **T1)
    stack = stack_of(tmp_path / "in")
    drawn = np.zeros(stack.shape)
    drawn[3:6, 4:8, 2] = 1
    far = np.array(stack.affine)
    far[:3, 3] += 400
    for name, voxels, affine, words in (
        ("fractions", drawn / 2, stack.affine, "must hold"),
        (
            "far",
            drawn,
            far,
            r"must lie on a grid of the study \(t1 .*, got another one, .* with 0 of its 12 voxels in the scan",
        ),
        ("other", drawn[:-1], stack.affine, "with 12 of its 12 voxels in the scan: draw it there"),
        ("layers", np.stack([drawn] * 2, -1), stack.affine, "must be a mask with one value per voxel"),
    ):
        with pytest.raises(ValueError, match=words):
            prepared(tmp_path, write_mask(tmp_path / f"{name}.nii", voxels.astype(np.float32), affine))
    nib.save(nib.AnalyzeImage(drawn[:-1].astype(np.uint8), np.diag([-1.0, 1, 1, 1])), tmp_path / "plain.img")
    with pytest.raises(ValueError, match="its header has no orientation: copy that of the contrast"):
        prepared(tmp_path, tmp_path / "plain.hdr")
    table = tmp_path / "table.yaml"
    table.write_text("seg: [{echo_time: [0, 30]}]")
    good = write_mask(tmp_path / "good.nii", drawn.astype(np.uint8), stack.affine)
    for wrong, words in (
        ({"mask": tmp_path / "none.nii"}, "no such file"),
        ({"mask_contrast": "t2"}, "must be drawn on a contrast of the study, got t2: name one of t1"),
        ({"contrasts": None}, "contrasts must be given with spacing or mask"),
        ({"contrasts": table}, "the table of contrasts must leave a name to the mask, got seg"),
        ({"spacing": 0.0}, "spacing must be above 0 mm, got 0"),
    ):
        with pytest.raises(ValueError, match=words):
            prepare_study(tmp_path / "in", tmp_path / "out", None, **{"contrasts": RULES, "mask": good, **wrong})
    save(slice_of(1, (0, 0, 0), StudyInstanceUID="1.2.99", SeriesInstanceUID="1.2.7"), tmp_path / "in")
    with pytest.raises(ValueError, match="mask must belong to the one study of a folder, got 2"):
        prepared(tmp_path, good)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_a_study_without_one_contrast_has_no_place_for_a_mask(tmp_path):
    scan(tmp_path / "in", 3, Modality="CT", **T1)
    mask = write_mask(tmp_path / "mask.nii", np.ones((2, 2, 2), np.uint8), np.eye(4))
    with pytest.raises(ValueError, match="must hold a contrast for the mask, got no series that a rule takes"):
        prepared(tmp_path, mask)
    scan(tmp_path / "in", 3, **T1)
    scan(tmp_path / "in", 4, **T1)
    with pytest.raises(ValueError, match="contrast t1 must be one series, got series 3 and series 4"):
        prepared(tmp_path, mask)
