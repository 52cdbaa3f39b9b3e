"""Volumes for inference, one after another: a bad one is told and does not stop the others."""

import logging

import pytest
import torch

from bundle.data import CaseStream


def read(item):
    if item["image"] == "bad.nii":
        try:
            raise OSError("bad.nii: truncated")
        except OSError as error:
            raise RuntimeError("a transform failed") from error
    return {"image": torch.zeros(2 if item["image"] == "two.nii" else 3, 2, 2, 2)}


def stream(*files, **options):
    return CaseStream([{"image": file} for file in files], read, **options)


def test_a_bad_case_and_one_of_other_channels_are_told_with_their_reason(caplog):
    cases = stream("a.nii", "bad.nii", "two.nii", "b.nii")
    with caplog.at_level(logging.ERROR):
        assert [case["case"] for case in cases] == ["a", "b"]
    assert cases.failures["bad"] == "bad.nii: bad.nii: truncated"
    assert "image must have the network's 3 channels, got 2" in cases.failures["two"]
    assert len(caplog.records) == 2
    with pytest.raises(RuntimeError, match="all 4 cases must have results, got 2 without"):
        cases.finish()


def test_a_case_that_fails_after_it_was_read_is_told_too(caplog):
    cases = stream("a.nii", "b.nii")
    for case in cases:
        if case["case"] == "a":
            cases.fail("a", RuntimeError("too odd for the network"))
    assert "too odd for the network" in caplog.text
    with pytest.raises(
        RuntimeError, match="all 2 cases must have results, got 1 without:\n  a: too odd for the network"
    ):
        cases.finish()


def test_finished_cases_are_left_alone():
    cases = stream("a.nii", "bad.nii", finished=["bad"])
    assert [case["case"] for case in cases] == ["a"]
    cases.finish()


def test_nothing_is_split_so_nothing_warns_of_leaks(recwarn):
    assert len(list(stream("a.nii"))) == 1
    assert not recwarn.list


def test_a_name_that_can_have_no_results_fails_alone():
    def validate_name(case):
        if "/" in case:
            raise ValueError(f"{case} cannot name a folder")

    cases = CaseStream([{"image": "x.nii", "case": "a/b"}, {"image": "c.nii"}], read, validate_name=validate_name)
    assert [case["case"] for case in cases] == ["c"]
    assert cases.failures == {"a/b": "x.nii: a/b cannot name a folder"}
