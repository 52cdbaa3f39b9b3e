"""Every kind of bad file is named, with what was expected and what to do."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import SHARED
from PIL import Image

from bundle.data import ChannelFiles, SliceImages, check_case, check_cases
from bundle.volumes import DataProblems, Problem, raise_for_problems

SHAPE = (6, 5, 4)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])


def image(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).random(shape).astype(np.float32)


def mask(shape=SHAPE) -> np.ndarray:
    values = np.zeros(shape, np.uint8)
    values[1:3, 1:3, 1:3] = 1
    return values


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    nib.save(nib.Nifti1Image(data, affine), path)
    return str(path)


@pytest.fixture
def item(tmp_path):
    images = [save(tmp_path / f"{name}.nii.gz", image()) for name in ("t1", "t2")]
    label = save(tmp_path / "seg.nii.gz", mask())
    return {"image": images, "label": label, "case": "c", "patient": "p", "site": "s"}


def found(item, in_channels=2, **options) -> list[tuple[str, str, str]]:
    _, problems = check_case(item, in_channels, **options)
    assert all(problem.case == "c" and problem.expected and problem.remedy for problem in problems)
    return [(problem.severity, Path(problem.file.split(",")[0]).name, problem.found) for problem in problems]


def test_sound_case_has_a_row_and_no_problem(item):
    row, problems = check_case(item, 2)
    assert problems == []
    assert (row.case, row.patient, row.site) == ("c", "p", "s")
    assert (row.slices, row.positive, row.shape, row.spacing) == (4, 2, SHAPE, (2.0, 2.0, 5.0))


def test_slices_run_along_the_axis_to_the_head_wherever_it_is_in_the_file(tmp_path):
    # First file axis superior, so 6 slices, of which 1 and 2 are positive.
    affine = np.array([[0, 2.0, 0, 0], [0, 0, 2.0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    files = {"image": save(tmp_path / "a.nii", image(), affine), "label": save(tmp_path / "m.nii", mask(), affine)}
    row, problems = check_case({**files, "case": "c", "patient": "p", "site": "s"})
    assert (row.slices, row.positive, problems) == (6, 2, [])


def test_positive_above_counts_lesion_and_not_organ(item, tmp_path):
    values = mask()
    values[1, 1, 2] = 2
    item["label"] = item["organ"] = save(tmp_path / "seg.nii.gz", values)
    assert check_case(item, 2, positive_above=1)[0].positive == 1


SHIFTED = AFFINE + np.array([[0, 0, 0, 0.5], [0] * 4, [0] * 4, [0] * 4])
NAN = np.where(np.arange(120).reshape(SHAPE) == 7, np.nan, image())
INF = np.where(np.arange(120).reshape(SHAPE) < 2, np.inf, image())


@pytest.mark.parametrize(
    ("name", "data", "affine", "message"),
    [
        ("t2", image((6, 5, 3)), AFFINE, "shape (6, 5, 3)"),
        ("t2", image(), SHIFTED, "another one, 0.5 mm (0.25 voxels) away"),
        ("t2", NAN, AFFINE, "1 voxels that are NaN or infinite"),
        ("t2", INF, AFFINE, "2 voxels that are NaN or infinite"),
        ("t2", np.full(SHAPE, 3.0), AFFINE, "3 in every voxel of channel 0"),
        ("t2", np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")]), AFFINE, "voxels of type"),
        ("t1", image((6, 5, 4, 3)), AFFINE, "4D, shape (6, 5, 4, 3)"),
        ("seg", mask((6, 5, 3)), AFFINE, "shape (6, 5, 3)"),
        ("seg", mask(), SHIFTED, "another one, 0.5 mm (0.25 voxels) away"),
        ("seg", mask() * np.float32(0.7), AFFINE, "values that are not whole, e.g. 0.7"),
        ("seg", np.where(mask(), np.nan, 0.0), AFFINE, "values that are not whole, e.g. nan"),
        ("seg", -mask().astype(np.int16), AFFINE, "the values [-1.0]"),
        ("seg", mask((6, 5, 4, 2)), AFFINE, "2 layers or channels, shape (6, 5, 4, 2)"),
    ],
)
def test_bad_volume_is_named(item, tmp_path, name, data, affine, message):
    save(tmp_path / f"{name}.nii.gz", data, affine)
    [(severity, file, text)] = found(item)
    assert (severity, file) == ("error", f"{name}.nii.gz")
    assert text.startswith(message)


def test_affines_within_the_tolerance_pass(item, tmp_path):
    save(tmp_path / "seg.nii.gz", mask(), AFFINE + 5e-4 * np.eye(4, k=3))
    assert found(item) == []


def test_empty_mask_is_a_warning_and_zero_slices(item, tmp_path):
    save(tmp_path / "seg.nii.gz", np.zeros(SHAPE, np.uint8))
    assert found(item) == [("warning", "seg.nii.gz", "an empty mask")]
    assert check_case(item, 2)[0].positive == 0


def test_mask_of_many_organs_is_a_warning(item, tmp_path):
    save(tmp_path / "seg.nii.gz", np.arange(120).reshape(SHAPE).astype(np.uint8))
    assert found(item) == [("warning", "seg.nii.gz", "120 different values")]


def test_mask_value_beyond_the_classes(item, tmp_path):
    save(tmp_path / "seg.nii.gz", mask() * np.uint8(3))
    assert found(item, num_classes=3) == [("error", "seg.nii.gz", "the values [3.0]")]
    assert found(item, num_classes=4) == []


def test_all_missing_files_are_named_at_once(item, tmp_path):
    (tmp_path / "t2.nii.gz").unlink()
    (tmp_path / "seg.nii.gz").unlink()
    item["organ"] = str(tmp_path / "organ.nii.gz")
    assert found(item) == [
        ("error", "t2.nii.gz", "no such file"),
        ("error", "organ.nii.gz", "no such file"),
        ("error", "seg.nii.gz", "no such file"),
    ]


def test_single_slice_is_refused(item, tmp_path):
    item["image"] = save(tmp_path / "one.nii", image((6, 5, 1)))
    del item["label"]
    assert found(item, 1) == [("error", "one.nii", "shape (6, 5, 1), a single slice")]


def test_affine_without_a_third_direction(item, tmp_path):
    item["image"] = [str(tmp_path / "flat.nii")]
    flat = nib.Nifti1Image(image(), None)
    flat.header.set_sform(np.diag([2.0, 2.0, 0.0, 1.0]), code=1)
    nib.save(flat, item["image"][0])
    del item["label"]
    assert [text[:5] for _, _, text in found(item, 1)] == ["[[2.0"]


def test_channel_count_over_files_and_4d(item, tmp_path):
    assert found(item, 3) == [("error", "t1.nii.gz", "2")]
    assert found(item, None) == []
    item["image"] = save(tmp_path / "four.nii.gz", image((*SHAPE, 4)))
    assert found(item, 4) == []
    for in_channels in (3, None):
        assert found(item, in_channels) == [("error", "four.nii.gz", "4D, shape (6, 5, 4, 4)")]
    item["image"] = save(tmp_path / "single.nii.gz", image((*SHAPE, 1)))
    assert found(item, 1) == []


def test_arrays_are_volumes_too(item, tmp_path):
    item["image"] = str(tmp_path / "a.npy")
    np.save(item["image"], image())
    del item["label"]
    assert found(item, 1) == []


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("slice_index,class\n0,1\n3,0\n", []),
        ("slice,label\n0,1\n", ["'slice,label'"]),
        ("slice_index,class\n4,1\n", ["4"]),
        ("slice_index,class\n0,2\n-1,0\n", ["2", "-1"]),
        ("slice_index,class\n0,1\n0,1\n", ["slice 0 again"]),
        ("slice_index,class\n0,yes\n1\n", ["'0,yes'", "'1'"]),
        ("slice_index,class\n", ["no rows"]),
    ],
)
def test_csv_of_slice_labels(item, tmp_path, text, messages):
    item["label"] = str(tmp_path / "c.csv")
    Path(item["label"]).write_text(text)
    assert [message for _, _, message in found(item)] == messages


def test_csv_counts_positives_and_names_line_file_and_encoding(item, tmp_path):
    path = tmp_path / "c.csv"
    item["label"] = str(path)
    assert found(item) == [("error", "c.csv", "no such file")]
    path.write_text("slice_index,class\n0,1\n1,0\n3,1\n")
    assert check_case(item, 2)[0].positive == 2
    path.write_text("slice_index,class\n0,1\n9,1\n")
    row, [problem] = check_case(item, 2)
    assert row.positive is None
    assert str(problem) == (
        f"error: case c: {path}, line 3, must have a slice_index from 0 to 3, got 9: "
        "count from 0 along the file's third axis."
    )
    path.write_bytes(b"slice_index,class\n0,\xff\n")
    assert "utf-8" in found(item)[0][2]


def test_csv_needs_slices_along_the_third_axis_of_the_file(tmp_path):
    affine = np.array([[0, 2.0, 0, 0], [0, 0, 2.0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    (tmp_path / "c.csv").write_text("slice_index,class\n0,1\n")
    files = {"image": save(tmp_path / "a.nii", image(), affine), "label": str(tmp_path / "c.csv")}
    assert found({**files, "case": "c", "patient": "p", "site": "s"}, 1) == [
        ("error", "a.nii", "slices along axis 0 (from 0)")
    ]


def test_in_file_order_slices_are_those_of_the_third_axis(tmp_path):
    affine = np.array([[0, 2.0, 0, 0], [0, 0, 2.0, 0], [2.5, 0, 0, 0], [0, 0, 0, 1]])  # 6 slices along the body
    name = {"image": save(tmp_path / "a.nii", image(), affine), "case": "c", "patient": "p", "site": "s"}
    values = np.zeros(SHAPE, np.uint8)
    values[2, 2, :3] = 1  # one slice along the body, three of the file
    row, problems = check_case({**name, "label": save(tmp_path / "m.nii", values, affine)}, file_order=True)
    assert (row.slices, row.positive, problems) == (4, 3, [])
    (tmp_path / "c.csv").write_text("slice_index,class\n0,1\n3,1\n")
    item = {**name, "label": str(tmp_path / "c.csv")}
    row, problems = check_case(item, file_order=True)
    assert (row.slices, row.positive, problems) == (4, 2, [])
    (tmp_path / "c.csv").write_text("slice_index,class\n4,1\n")
    assert found(item, None, file_order=True) == [("error", "c.csv", "4")]


@pytest.fixture
def pictures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 6, 5, 3), dtype=np.uint8)
    for index in range(3):
        Image.fromarray(pixels[index]).save(tmp_path / f"a_{index}.tif")
        Image.fromarray(np.full((6, 5), 255 * (index == 1), np.uint8)).save(tmp_path / f"a_{index}_mask.tif")
    return tmp_path


def test_slice_images_are_one_volume(pictures):
    [case] = SliceImages(pictures, image="{case}_{index}.tif").find()
    row, problems = check_case(case.item(), 3)
    assert (row.shape, row.slices, row.positive, problems) == ((6, 5, 3, 3), 3, 1, [])
    assert [problem.found for problem in check_case(case.item(), 1)[1]] == ["3"]


def test_missing_slice_in_the_middle_is_named(pictures):
    (pictures / "a_1.tif").unlink()
    (pictures / "a_1_mask.tif").unlink()
    [case] = SliceImages(pictures, image="{case}_{index}.tif").find()
    _, problems = check_case(case.item(), 3)
    assert [Path(problem.file).name for problem in problems] == ["a_1.tif", "a_1_mask.tif"]


def test_report_holds_all_cases_and_refusal_lists_all_errors(item, tmp_path):
    bad = {**item, "case": "bad", "image": [item["image"][0], "absent.nii"], "label": "absent_seg.nii"}
    for num_workers in (0, 2):
        report = check_cases([item, bad], in_channels=2, num_workers=num_workers, progress=False)
        assert [row.case for row in report.rows] == ["c", "bad"]
        assert [problem.file for problem in report.errors] == ["absent.nii", "absent_seg.nii"]
    assert "2 cases, 2 errors, 0 warnings" in report.text()
    assert "s     2      1         8       2 (50%)" in report.table()
    with pytest.raises(DataProblems, match=r"(?s)2 problems in 1 case .*absent\.nii must be .*absent_seg\.nii must be"):
        raise_for_problems(report.problems)


def test_what_many_cases_complain_of_is_one_line(item):
    bad = [{**item, "case": f"c{n}", "image": [item["image"][0], f"{n}/absent.nii"]} for n in range(60)]
    text = check_cases(bad, in_channels=2, progress=False).text()
    assert "error: 60 cases (c0, c1, c2 ...), e.g. 0/absent.nii must be the file of a channel, got no such file" in text
    assert text.count("no such file") == 1
    with pytest.raises(DataProblems, match="60 problems in 60 cases") as caught:
        raise_for_problems(check_cases(bad, in_channels=2, progress=False).problems)
    assert str(caught.value).count("no such file") == 1


def test_kinds_of_labels_are_counted_and_lacks_are_told(item, tmp_path):
    (tmp_path / "c.csv").write_text("slice_index,class\n0,1\n3,0\n")
    by_csv = {**item, "case": "b", "label": str(tmp_path / "c.csv")}
    none = {key: value for key, value in item.items() if key != "label"} | {"case": "n"}
    text = check_cases([item, by_csv, none], in_channels=2, progress=False).text()
    assert "labels: masks 1, slice labels 1, no labels 1" in text
    assert [line.split()[5] for line in text.splitlines()[1:4]] == ["mask", "slices", "-"]
    assert "no slice of any case is positive" not in text
    (tmp_path / "c.csv").write_text("slice_index,class\n0,0\n")
    healthy = [by_csv, {**by_csv, "case": "d"}]
    assert "warning: no slice of any case is positive" in check_cases(healthy, in_channels=2, progress=False).text()
    full = [{**item, "case": name, "label": save(tmp_path / "m.nii", np.ones(SHAPE, np.uint8))} for name in "ef"]
    assert "warning: all labeled slices are positive" in check_cases(full, in_channels=2, progress=False).text()
    bare = [none, {**none, "case": "o"}]
    assert "warning: no case has a mask or slice labels" in check_cases(bare, in_channels=2, progress=False).text()


def test_warnings_do_not_refuse():
    raise_for_problems([Problem("f", "x", "y", "z", "warning", "c")])


def test_unlabeled_case_counts_no_negatives(item):
    del item["label"]
    report = check_cases([item], check=check_case, progress=False)
    assert "s     1      1         4       0\n" in report.table()


@pytest.mark.skipif(not (SHARED / "data").exists(), reason="the shared data are not here")
def test_real_cases_are_sound_and_counted_as_their_table_says():
    cases = ChannelFiles(SHARED / "data/lgg", ["pre", "flair", "post"], site="^TCGA_([^_]+)").find()[:5]
    report = check_cases([case.item() for case in cases], in_channels=3, progress=False)
    assert report.problems == []
    rows = {line.split(",")[0]: line.split(",") for line in (SHARED / "data/lgg/cases.csv").read_text().split()}
    assert all([row.slices, row.positive] == [int(n) for n in rows[row.case][2:4]] for row in report.rows)
