"""Slices across the acquired ones are told, and the overlays that are named cut them right."""

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Invertd

from bundle.data import CaseStream, check_case
from bundle.transforms import SliceVolumed
from bundle.volumes import VolumeFile, slicing_problems, summarized

# file axes -> world: a knee as it is often stored (posterior, inferior, right), 4 mm sagittal slices; and others
SCANS = {
    "sagittal, last axis": ((16, 14, 6), [[0, 0, 4.0], [-0.5, 0, 0], [0, -0.5, 0]], ["sagittal", "file_order"], 6),
    "sagittal, first axis": ((6, 16, 14), [[4.0, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], ["sagittal"], 6),
    "coronal, second axis": ((16, 6, 14), [[0.5, 0, 0], [0, 4.0, 0], [0, 0, 0.5]], ["coronal"], 6),
}


def scan(folder, shape, directions):
    affine = np.eye(4)
    affine[:3, :3] = directions
    voxels = np.random.default_rng(0).random(shape).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, affine), folder / "a.nii.gz")
    return {"image": str(folder / "a.nii.gz"), "case": "c", "patient": "p", "site": "s"}


def configured(*overlays):
    parser = ConfigParser()
    names = [f"configs/orientation/{name}.yaml" for name in overlays]
    parser.read_config([str(ROOT / name) for name in ("configs/train.json", *names)])
    parser["in_channels"] = 1
    return parser.get_parsed_content("check"), parser.get_parsed_content("preprocessing")


@pytest.mark.parametrize("kind", SCANS)
def test_slices_across_the_acquired_ones_are_told_and_the_remedy_works(tmp_path, kind):
    shape, directions, remedies, depth = SCANS[kind]
    item = scan(tmp_path, shape, directions)
    check, _ = configured()
    [warning] = check(item)[1]
    assert warning.severity == "warning"
    for name in remedies:
        assert f"{name}.yaml" in warning.remedy
        check, preprocessing = configured(name)
        row, problems = check(item)
        assert (row.slices, problems) == (depth, [])
        assert len(SliceVolumed(preprocessing=preprocessing)(item)) == depth
        _map_comes_back(item, preprocessing)


def _map_comes_back(item, preprocessing):
    case = preprocessing(dict(item))
    image, file = case["image"], nib.load(item["image"])
    case["pred"] = MetaTensor(image.as_tensor(), meta=image.meta, applied_operations=image.applied_operations)
    back = Invertd(keys="pred", orig_keys="image", transform=preprocessing, nearest_interp=False)(case)["pred"]
    np.testing.assert_array_equal(back[0].numpy(), file.get_fdata(dtype=np.float32))
    np.testing.assert_array_equal(np.float32(back.affine), np.float32(file.affine))


def test_rows_and_columns_are_as_radiologists_look_at_them(tmp_path):
    item = scan(tmp_path, (6, 16, 14), np.diag([4.0, 0.5, 0.5]))
    voxels = nib.load(item["image"]).get_fdata(dtype=np.float32)
    sagittal, coronal = (configured(name)[1](dict(item))["image"][0].numpy() for name in ("sagittal", "coronal"))
    np.testing.assert_array_equal(sagittal[0, 0], voxels[::-1, -1, -1])  # top, front; slices from right to left
    np.testing.assert_array_equal(coronal[:, -1, 0], voxels[0, -1, ::-1])  # frontmost slice, left edge: top to bottom


@pytest.mark.parametrize(("spacing", "told"), [((1, 1, 1.9), False), ((1, 2, 1), True), ((1, 1, 5), False)])
def test_only_thick_slices_along_another_axis_are_told(tmp_path, spacing, told):
    problems = check_case(scan(tmp_path, (8, 8, 8), np.diag(spacing)))[1]
    assert bool(problems) is told


def test_an_axial_scan_in_file_order_is_told_to_leave_the_overlay_out(tmp_path):
    item = scan(tmp_path, (6, 16, 14), [[0, 0.5, 0], [0, 0, 0.5], [4.0, 0, 0]])
    [warning] = check_case(item, file_order=True)[1]
    assert warning.remedy.startswith("leave out the overlay")


def test_many_cases_make_one_line(tmp_path, caplog):
    item = scan(tmp_path, *SCANS["sagittal, last axis"][:2])
    items = [{**item, "case": name} for name in "abc"]
    [line] = summarized((problem for each in items for problem in check_case(each)[1]), many=2)
    assert line.startswith("warning: 3 cases (a, b, c), e.g. ")
    stream = CaseStream(items, configured()[1], in_channels=1, check=check_case)
    assert len(list(stream)) == 3
    assert [record.message.split(":")[1] for record in caplog.records] == [" case a"]


def test_a_single_slice_is_an_error_however_it_is_cut(tmp_path):
    flat = VolumeFile("a.nii", np.zeros((8, 8, 1)), np.eye(4))
    assert [problem.found for problem in slicing_problems(flat)] == ["shape (8, 8, 1), a single slice"]
