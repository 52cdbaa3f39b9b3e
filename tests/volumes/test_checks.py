"""The check of a case and the loader accept the same masks and refuse the rest in the same words."""

import numpy as np
import pytest
import torch

from bundle.data import check_case
from bundle.transforms import LoadCaseFilesd, SliceVolumed

IMAGE = np.random.default_rng(0).random((6, 5, 4), dtype=np.float32)
MASK = np.zeros_like(IMAGE)
MASK[1:3, 1:3, 1:3] = 1


@pytest.fixture
def case(write_volume):
    """Write image and mask and return their case."""

    def write(mask):
        files = {"image": write_volume("image.nii", IMAGE), "label": write_volume("mask.nii", mask)}
        return {**files, "case": "c", "patient": "p", "site": "s"}

    return write


def test_a_mask_that_was_rounded_is_the_mask(case):
    exact_row, _ = check_case(case(MASK))
    exact = LoadCaseFilesd()(case(MASK))["label"]
    row, problems = check_case(case(MASK * np.float32(0.9999)))
    rounded = LoadCaseFilesd()(case(MASK * np.float32(0.9999)))["label"]
    assert problems == []
    assert row == exact_row
    assert rounded.dtype == exact.dtype == torch.uint8
    assert torch.equal(rounded.as_tensor(), exact.as_tensor())
    assert [slice_["label"].item() for slice_ in SliceVolumed()(case(MASK * np.float32(0.9999)))] == [0, 1, 1, 0]


REFUSED = {
    "fractions": MASK * np.float32(0.99),
    "NaN": np.where(MASK, np.float32("nan"), MASK),
    "below zero": -MASK,
}


@pytest.mark.parametrize("mask", REFUSED.values(), ids=REFUSED)
def test_the_loader_refuses_a_mask_in_the_words_of_the_check(case, mask):
    bad = case(mask)
    _, [problem] = check_case(bad)
    with pytest.raises(ValueError, match=r"mask\.nii must hold") as refused:
        LoadCaseFilesd()(bad)
    assert str(refused.value) == problem.text


def test_a_mask_of_another_grid_is_refused_in_the_words_of_the_check(case):
    bad = case(MASK[..., :3])
    _, [problem] = check_case(bad)
    with pytest.raises(ValueError, match=r"mask\.nii must have the shape") as refused:
        LoadCaseFilesd()(bad)
    assert str(refused.value) == problem.text


def test_rounding_residue_is_not_counted_as_positive(case):
    mask = MASK.copy()
    mask[0, 0, 3] = 5e-4
    row, problems = check_case(case(mask))
    assert problems == []
    assert row.positive == sum(slice_["label"].item() for slice_ in SliceVolumed()(case(mask))) == 2
