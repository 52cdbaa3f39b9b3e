"""The threshold with the largest F1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from bundle.metrics import best_f1_threshold, slice_scores


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=25))
def test_no_other_threshold_is_better(rows):
    labels, probabilities = (np.array(column) for column in zip(*rows, strict=True))
    threshold = best_f1_threshold(labels, probabilities)
    if labels.all() or not labels.any():
        assert threshold == 0.5
        return
    best = max(f1_score(labels, probabilities >= cut) for cut in probabilities)
    assert slice_scores(labels, probabilities, threshold)["f1"] == pytest.approx(best)


def test_rounding_moves_no_slice_across_the_threshold():
    threshold = best_f1_threshold([0, 1], [0.25, 0.75])
    assert threshold == 0.5


def test_equally_good_thresholds_go_to_the_nearest_to_one_half():
    # From 0.05 down every threshold calls all positive; a perfect F1 needs a cut between 0.1 and 0.9.
    assert best_f1_threshold([0, 1, 1, 0, 1], [0.1, 0.9, 0.95, 0.92, 0.2]) == pytest.approx(0.15)


def test_neighbouring_floats_have_no_middle():
    low = 0.3
    high = np.nextafter(low, 1)
    assert slice_scores([0, 1], [low, high], best_f1_threshold([0, 1], [low, high]))["f1"] == 1.0


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1], [-1, -1]])
def test_without_a_choice_it_is_one_half(labels):
    assert best_f1_threshold(labels, [0.1, 0.2][: len(labels)]) == 0.5


def test_ignored_slices_and_several_classes():
    assert best_f1_threshold([0, 1, -1], [0.25, 0.75, 0.7]) == 0.5
    assert best_f1_threshold([0, 1], [[0.1, 0.9], [0.8, 0.2]]) == 0.5
