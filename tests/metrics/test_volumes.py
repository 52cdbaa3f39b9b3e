"""From slices to volumes."""

import math

import numpy as np
import pytest

from bundle.metrics import VolumeTable, volume_probability, volume_scores


def test_three_probabilities_by_hand():
    found = volume_probability([0.1, 0.5, 0.2, 0.9], top_k=2)
    assert found == pytest.approx({"max": 0.9, "top_k_mean": 0.7, "noisy_or": 1 - 0.9 * 0.5 * 0.8 * 0.1})


def test_few_slices_certain_slices_and_no_slices():
    assert volume_probability([0.25], top_k=5)["top_k_mean"] == 0.25
    assert volume_probability([1.0, 0.5])["noisy_or"] == 1.0
    assert all(math.isnan(value) for value in volume_probability([]).values())


def test_tiny_probabilities_are_not_lost():
    assert volume_probability(np.full(10, 1e-9))["noisy_or"] == pytest.approx(1e-8, rel=1e-6)


def test_several_classes_ask_for_any_but_background():
    assert volume_probability([[0.9, 0.05, 0.05], [0.4, 0.6, 0.0]])["max"] == pytest.approx(0.6)
    assert volume_probability([[0.9], [0.4]])["max"] == 0.9


def test_top_k_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        volume_probability([0.5], top_k=0)


def test_unlabeled_slices_do_not_count():
    table = VolumeTable.from_slices(["b", "b", "a", "c"], [-1, 0, 1, -1], [0.99, 0.3, 0.8, 0.5])
    assert (table.case, table.label, table.probability["max"]) == (["b", "a"], [0, 1], [0.3, 0.8])
    assert table.first.tolist() == [1, 2]


def test_scores_are_counted_in_volumes_at_their_own_thresholds():
    cases, labels = ["a", "a", "b", "b", "c"], [0, 1, 0, 0, 1]
    probabilities = [0.1, 0.6, 0.4, 0.4, 0.3]
    found = volume_scores(cases, labels, probabilities, {"max": 0.5, "top_k_mean": 0.3, "noisy_or": 0.5}, top_k=2)
    assert found["max"]["n"] == 3
    assert found["max"]["sensitivity"] == 0.5
    assert found["max"]["specificity"] == 1.0
    assert found["top_k_mean"]["sensitivity"] == 1.0  # 0.35 and 0.3 reach 0.3
    assert found["noisy_or"]["specificity"] == 0.0  # 1 - 0.6 * 0.6 = 0.64


def test_no_volume_at_all():
    assert volume_scores([], [], [])["max"]["n"] == 0
