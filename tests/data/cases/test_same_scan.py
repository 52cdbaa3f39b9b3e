"""One scan under two names is found by its content, and told apart from empty channels and shared templates."""

import gzip
import os

import numpy as np
import pytest

from bundle.data import check_cases, split_cases
from bundle.data.cases.same_scan import same_scan_problems
from bundle.volumes import DataProblems

HEADER = bytes(352)


def scan(path, seed=None, header=HEADER):
    """A file with noise of this seed, or with zeros."""
    voxels = bytes(4000) if seed is None else np.random.default_rng(seed).bytes(4000)
    path.write_bytes(gzip.compress(header + voxels, mtime=0) if path.suffix == ".gz" else header + voxels)
    return str(path)


def case(name, *images, patient=None):
    return {"image": list(images), "case": name, "patient": patient or name, "site": "x"}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_two_patients_with_one_scan_are_refused_and_named(tmp_path, suffix):
    items = [case(name, scan(tmp_path / f"{name}{suffix}", seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    [problem] = same_scan_problems(items)
    assert str(problem) == (
        f"error: case b: {tmp_path}/b{suffix} must be a scan of its own, got the same images as case 'a' of patient "
        "'a': leave one of them out, or give both the same patient if both must stay: the scan could be in training "
        "and in test."
    )
    with pytest.raises(DataProblems, match="the same images as case 'a' of patient 'a'"):
        split_cases(items)
    assert "the same images as case 'a'" in check_cases(items, progress=False).text()


def test_within_one_patient_it_is_a_warning(tmp_path):
    items = [case(name, scan(tmp_path / f"{name}.nii", 1), patient="p") for name in "ab"]
    items += [case(name, scan(tmp_path / f"{name}.nii", ord(name))) for name in "cde"]
    with pytest.warns(UserWarning, match="warning: case b: .*the same images as case 'a'"):
        split_cases(items)


def test_packed_anew_it_is_the_same_scan(tmp_path):
    items = [case(name, str(tmp_path / f"{name}.nii.gz")) for name in "ab"]
    content = HEADER + np.random.default_rng(0).bytes(4000)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content, 1, mtime=1))
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content, 9, mtime=2))
    assert len(same_scan_problems(items)) == 1


def test_one_file_listed_twice_and_a_link(tmp_path):
    file = scan(tmp_path / "a.nii", 1)
    os.link(file, tmp_path / "b.nii")
    items = [case("a", file), case("again", file), case("b", str(tmp_path / "b.nii"))]
    assert len(same_scan_problems(items)) == 3


def test_empty_channels_and_a_template_are_no_scan(tmp_path):
    zeros = {name: scan(tmp_path / f"{name}_zero.nii") for name in "abc"}
    template = scan(tmp_path / "template.nii", 0)
    items = [case(name, scan(tmp_path / f"{name}.nii", ord(name)), zeros[name], template) for name in "abc"]
    assert same_scan_problems(items) == []


def test_of_many_slices_three_are_looked_at(tmp_path):
    for name, first in (("a", 0), ("b", 0), ("c", 100)):
        (tmp_path / name).mkdir()
        for index in range(9):
            scan(tmp_path / name / f"{index}.dcm", first + index)
    folders = [case(name, str(tmp_path / name)) for name in "abc"]
    assert [problem.case for problem in same_scan_problems(folders)] == ["b"]
    slices = [case(name, *(str(tmp_path / name / f"{index}.dcm") for index in range(9))) for name in "abc"]
    assert [problem.case for problem in same_scan_problems(slices)] == ["b"]


def test_absent_and_damaged_files_are_left_to_the_checks(tmp_path):
    broken = [tmp_path / f"{name}.nii.gz" for name in "ab"]
    whole = gzip.compress(np.random.default_rng(0).bytes(4000), mtime=0)
    for path in broken:
        path.write_bytes(whole[:2000] + whole[-8:])
    items = [case(path.name, str(path)) for path in broken] + [case("c", "not/there.nii")]
    assert same_scan_problems(items) == []


def test_what_a_split_leaves_out_may_be_a_copy(tmp_path):
    items = [case(name, scan(tmp_path / f"{name}.nii", seed)) for name, seed in zip("abcd", (1, 1, 2, 3), strict=True)]
    (tmp_path / "split.json").write_text('{"train": ["a"], "val": ["c"], "test": ["d"]}')
    with pytest.warns(UserWarning, match="does not name 1 of 4"):
        assert split_cases(items, split_file=tmp_path / "split.json").case_ids["train"] == ["a"]


def test_one_channel_of_another_patient_is_warned_of(tmp_path):
    wrong = scan(tmp_path / "wrong.nii", 1)
    items = [case(name, scan(tmp_path / f"{name}.nii", ord(name)), wrong) for name in "ab"]
    items.append(case("c", scan(tmp_path / "c.nii", 3), scan(tmp_path / "c2.nii", 4)))
    [problem] = same_scan_problems(items)
    assert not problem.is_error
    assert problem.found == "some of the images of case 'a' of patient 'a'"


def test_empty_and_repeated_channels_do_not_dilute_a_copy(tmp_path):
    zeros = [scan(tmp_path / f"zero{n}.nii") for n in range(2)]
    copies = [case(name, scan(tmp_path / f"{name}.nii", 1), *zeros) for name in "abc"]
    assert [problem.is_error for problem in same_scan_problems(copies)] == [True] * 3
    repeated = [case(name, *[scan(tmp_path / f"{name}.nii", 1)] * 3) for name in "ab"]
    assert [problem.is_error for problem in same_scan_problems(repeated)] == [True]


def test_a_packed_copy_of_an_unpacked_scan_is_found(tmp_path):
    items = [case("a", scan(tmp_path / "a.nii.gz", 1)), case("b", scan(tmp_path / "b.nii", 1))]
    assert len(same_scan_problems([*items, case("c", scan(tmp_path / "c.nii", 2))])) == 1


def test_hidden_files_beside_slices_hide_no_copy(tmp_path):
    for name in "ab":
        (tmp_path / name / "deeper").mkdir(parents=True)
        for index in range(20):
            scan(tmp_path / name / "deeper" / f"{index:02}.dcm", index)
    (tmp_path / "a/.DS_Store").write_bytes(b"x")
    (tmp_path / "a/DICOMDIR").write_bytes(b"y")
    assert len(same_scan_problems([case(name, str(tmp_path / name)) for name in "ab"])) == 1
