"""Uncertainty of scans: closed forms, limits, and an order that calibration changes."""

import numpy as np
import pytest
from scipy.special import expit, logit

from bundle.probabilities import calibrated, label_entropy, label_map_disagreement, scan_uncertainty


def test_the_entropy_of_two_classes_is_the_binary_entropy_in_bits():
    p = np.array([0.1, 0.25, 0.5, 0.9])
    expected = -p * np.log2(p) - (1 - p) * np.log2(1 - p)
    np.testing.assert_allclose(label_entropy(p), expected)
    np.testing.assert_allclose(label_entropy(p[:, None]), expected)
    np.testing.assert_allclose(label_entropy(np.stack([p, 1 - p], axis=1)), expected)


def test_certain_slices_have_none_and_even_ones_the_most():
    assert label_entropy([0.0, 1.0]).tolist() == [0, 0]
    assert label_entropy([[1 / 3] * 3, [0, 1, 0]]) == pytest.approx([1, 0])


@pytest.mark.parametrize("bad", [[np.nan], [1.5], [-0.1]])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match="probability must be numbers from 0 to 1"):
        label_entropy(bad)


def test_a_scan_is_as_uncertain_as_its_least_certain_slices():
    probability = [0.5] * 3 + [0.0] * 50
    assert scan_uncertainty(probability, count=3) == 1
    assert scan_uncertainty(probability, count=6) == 0.5
    assert scan_uncertainty(probability[:4]) == 0.75  # fewer slices than the count: all of them
    assert scan_uncertainty([]) == 0  # nothing but blank slices
    with pytest.raises(ValueError, match="count must be at least 1 slice"):
        scan_uncertainty(probability, count=0)


def test_calibration_is_that_of_the_logits_and_changes_which_scan_is_the_least_certain():
    probability = np.array([0.2, 0.8])
    entries = {"slope": 2.0, "bias": 1.0, "position": [0.5, 0.0]}
    np.testing.assert_allclose(
        calibrated(probability, [0, 1], entries), expit(2 * logit(probability) + 1 + np.array([-0.5, 0.5]))
    )
    low, even = [0.2] * 10, [0.5] * 10
    assert scan_uncertainty(even) > scan_uncertainty(low)
    shift = {"bias": -float(logit(0.2))}
    slices = range(10)
    assert scan_uncertainty(calibrated(low, slices, shift)) > scan_uncertainty(calibrated(even, slices, shift))


def test_without_a_calibration_probabilities_stay_as_they_are():
    for nothing in (None, {}):
        assert calibrated([0.25, 1.0], [0, 1], nothing).tolist() == [0.25, 1.0]
    with pytest.raises(ValueError, match="score_calibration must hold some of"):
        calibrated([0.25], [0], {"temperature": 2.0})


def test_disagreement_is_one_minus_the_intersection_over_union_of_the_slices():
    yes, no = np.ones(4, bool), np.zeros(4, bool)
    assert label_map_disagreement(yes, yes) == 0
    assert label_map_disagreement(no, no) == 0
    assert label_map_disagreement(yes, no) == label_map_disagreement(no, yes) == 1
    assert label_map_disagreement([True, True, True, False], [False, True, True, True]) == 0.5
