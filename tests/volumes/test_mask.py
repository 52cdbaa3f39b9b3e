"""Check and slices agree on which mask values are the finding, and odd values are told."""

import nibabel as nib
import numpy as np
import pytest

from bundle.data import check_case
from bundle.transforms import LoadCaseFilesd, SliceVolumed
from bundle.volumes import MaskValues

SHAPE = (8, 8, 6)
AFFINE = np.diag([-1.0, -1, 4, 1])


def case(folder, mask, *, slope=None):
    for name, voxels in (("a", np.random.default_rng(0).random(SHAPE).astype(np.float32)), ("m", mask)):
        image = nib.Nifti1Image(voxels, AFFINE)
        if slope and name == "m":
            image.set_data_dtype(np.int16)
        nib.save(image, folder / f"{name}.nii.gz")
    files = {"image": str(folder / "a.nii.gz"), "label": str(folder / "m.nii.gz")}
    return {**files, "case": "c", "patient": "p", "site": "s"}


def organs(*values):
    """Value k of `values` in slice k."""
    mask = np.zeros(SHAPE, np.uint8)
    for index, value in enumerate(values):
        mask[2:4, 2:4, index] = value
    return mask


def labels(item, **choice):
    return [int(each["label"]) for each in SliceVolumed(**choice)(item)]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({}, [0, 1, 1, 1, 1, 0]),
        ({"mask_values": [6]}, [0, 0, 1, 0, 0, 0]),
        ({"mask_values": [6, 1]}, [0, 1, 1, 0, 0, 0]),
        ({"ignored_mask_value": 255}, [0, 1, 1, 1, -1, 0]),
        ({"mask_values": [6], "ignored_mask_value": 255}, [0, 0, 1, 0, -1, 0]),
    ],
)
def test_check_counts_the_slices_that_training_learns(tmp_path, choice, expected):
    item = case(tmp_path, organs(0, 1, 6, 9, 255))
    row, _ = check_case(item, **choice)
    assert labels(item, **choice) == expected
    assert row.positive == expected.count(1)
    masks = [bool(each["mask"].any()) for each in SliceVolumed(**choice)(item)]
    assert masks == [label == 1 for label in expected]


def test_with_several_classes_values_become_classes_in_their_order(tmp_path):
    item = case(tmp_path, organs(0, 6, 2, 9, 255))
    choice = {"mask_values": [2, 6], "ignored_mask_value": 255, "num_classes": 3}
    assert labels(item, **choice) == [0, 2, 1, 0, -1, 0]
    row, problems = check_case(item, **choice)
    assert (row.positive, problems) == (2, [])
    assert check_case(item, num_classes=3, ignored_mask_value=255)[1][0].found == "the values [6.0, 9.0]"
    with pytest.raises(ValueError, match="mask_values must name at most 2 values for 3 classes, got"):
        MaskValues([1, 2, 6]).classes(organs(1), 3)


@pytest.mark.parametrize("values", [[], [0], [6, 6], ["6"], [1.5], [True]])
def test_a_choice_that_chooses_nothing_is_refused(values):
    with pytest.raises(ValueError, match="mask_values must be a list of different whole numbers above 0"):
        MaskValues(values)


@pytest.mark.parametrize("value", [0, 6, "255"])
def test_an_ignored_value_that_is_the_finding_is_refused(value):
    with pytest.raises(ValueError, match="ignored_mask_value must be a whole number above 0 that is not in"):
        MaskValues([6], value)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((1, 2, 4), []),  # BraTS
        ((1, 4), []),
        ((255,), []),
        ((1, 255), ["a gap between 1 and 255 (values [1, 255])"]),
        ((128, 255), ["a gap between 128 and 255 (values [128, 255])"]),
        ((1, 2, 7), ["a gap between 2 and 7 (values [1, 2, 7])"]),
    ],
)
def test_a_gap_between_values_is_told(tmp_path, values, found):
    item = case(tmp_path, organs(*values))
    assert [problem.found for problem in check_case(item)[1]] == found
    assert check_case(item, mask_values=[values[0]])[1] == []


def test_a_mask_without_the_chosen_values_is_told(tmp_path):
    [problem] = check_case(case(tmp_path, organs(1, 2)), mask_values=[6])[1]
    assert (problem.severity, problem.found) == ("warning", "none of the values [6]")


ROUNDED = {
    "0.9999": organs(0, 1, 1).astype(np.float32) * np.float32(0.9999),
    "noise": organs(0, 1, 1) + np.random.default_rng(0).uniform(-1e-7, 1e-7, SHAPE),
    "a slope": organs(0, 1, 2, 4).astype(np.float64),
}


@pytest.mark.parametrize("kind", ROUNDED)
def test_rounding_is_accepted_by_check_and_training(tmp_path, kind):
    item = case(tmp_path, ROUNDED[kind], slope=kind == "a slope")
    row, problems = check_case(item)
    expected = (ROUNDED[kind].max(axis=(0, 1)) > 0.5).astype(int).tolist()
    assert ([], row.positive, labels(item)) == (problems, sum(expected), expected)


def test_values_beyond_whole_numbers_of_the_store_are_refused_by_both(tmp_path):
    item = case(tmp_path, organs(1).astype(np.float64) * 3e9)
    assert check_case(item)[1][0].found == "the values [3000000000.0]"
    with pytest.raises(ValueError, match=r"m\.nii\.gz must hold values"):
        LoadCaseFilesd()(item)


LABELS = {
    "a list with one mask": (lambda mask: [mask], None),
    "a list with two masks": (lambda mask: [mask, mask], "its label must be one mask file, got 2 files"),
    "0 for the whole volume": (lambda _: 0, "its label must be the path of a mask or of a CSV .*, got 0"),
    "1 for the whole volume": (lambda _: 1, "its label must be the path of a mask or of a CSV .*, got 1"),
    "nothing": (lambda _: "", "its label must be the path of a mask or of a CSV .*, got ''"),
    "an empty list": (lambda _: [], r"its label must be the path of a mask or of a CSV .*, got \[\]"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_check_and_training_take_the_same_labels(tmp_path, kind):
    change, message = LABELS[kind]
    item = case(tmp_path, organs(1))
    item["label"] = change(item["label"])
    problems = check_case(item)[1]
    if message is None:
        assert problems == []
        assert labels(item) == [1, 0, 0, 0, 0, 0]
        return
    assert [problem.case for problem in problems] == ["c"]
    with pytest.raises(ValueError, match=message):
        raise ValueError(problems[0].text)
    with pytest.raises(ValueError, match=message):
        LoadCaseFilesd()(item)
