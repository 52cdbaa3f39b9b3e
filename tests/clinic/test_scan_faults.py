"""Faults of a scan and of the answer to it."""

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
from support.study_readings import reading_of, stack_of

from bundle.clinic.scan_faults import answer_warnings, blank_warnings, require_signal
from bundle.volumes import FileProblem

BALL = [((20, 20, 4), 5)]


@pytest.mark.parametrize(
    ("regions", "threshold", "of_scan", "words"),
    [
        (BALL, 0.5, 0.5, None),
        ([], 0.5, 0.5, None),
        (
            BALL,
            0.5,
            0.99,
            "which a scan needs, but 7 of 9 slices are positive (from 0.50), with 1 finding: look",
        ),
        ([], 0.05, 0.99, "9 of 9 slices are positive (from 0.05): look at these slices."),
        (
            [],
            0.0999,
            0.1001,
            "no slice reaches 0.1001, which a scan needs, but 9 of 9 slices are positive (from 0.0999)",
        ),
        ([], 0.5, 0.1, "called present, as a slice reaches 0.10, but no slice is positive (from 0.50)"),
    ],
)
def test_a_scan_and_its_slices_may_say_two_things(regions, threshold, of_scan, words):
    reading, _ = reading_of(stack_of((40, 48, 9)), regions, threshold=threshold, volume_threshold=(of_scan,))
    told = list(answer_warnings(reading))
    assert [words in text for text in told] == ([] if words is None else [True])


@pytest.mark.parametrize(("blank", "words"), [([2, 3, 4, 5, 6], "(3, 4, 5, 6 and 1 more)"), ([2, 3, 4, 5], None)])
def test_a_scan_that_blank_slices_alone_call_present_is_told(blank, words):
    reading, _ = reading_of(stack_of((40, 48, 9)), [((20, 20, 4), 2)], volume_threshold=(0.15,))
    assert np.flatnonzero(reading.probability[:, 0] >= 0.15).tolist() == [2, 3, 4, 5, 6]
    slices = [{"source_slice": index, "blank": index in blank} for index in range(9)]
    told = [text for text in answer_warnings(reading, slices) if "blank" in text]
    assert told == (
        []
        if words is None
        else [f"The scan is called present by blank slices alone {words}: the network saw nothing in them."]
    )


@pytest.mark.parametrize(("has_map", "has_scale", "count"), [(True, False, 1), (True, True, 0), (False, False, 0)])
def test_a_map_without_a_scale_of_the_model_is_told(has_map, has_scale, count):
    reading, _ = reading_of(stack_of((40, 48, 9)), BALL, has_map=has_map)
    told = list(answer_warnings(reading, has_map_scale=has_scale))
    assert sum("no color scale" in text for text in told) == len(told) == count


def test_each_channel_is_looked_at_but_for_its_ends():
    image = np.zeros((2, 3, 3, 5))
    image[0, 0, 0, 1:] = 1
    image[1, 0, 0, [0, 1, 3]] = 1
    assert list(blank_warnings(image, ["T1", "FLAIR"])) == [
        "1 of 5 slices of FLAIR is blank between others, with one value throughout: the network sees nothing in it."
    ]
    require_signal(image, ["series 3", "series 4"])
    with pytest.raises(FileProblem, match=r"series 4 must show something, got one value throughout each of its 5"):
        require_signal(image * np.array([1, 0])[:, None, None, None], ["series 3", "series 4"])
