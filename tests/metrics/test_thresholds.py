"""Thresholds with the best F1 or F-beta, found and expected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score

from bundle.metrics import F1Threshold, best_f1_threshold, chosen_threshold, expected_f1_threshold, slice_scores


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32)), min_size=2, max_size=25))
def test_no_other_threshold_is_better(rows):
    labels, probabilities = (np.array(column) for column in zip(*rows, strict=True))
    threshold = best_f1_threshold(labels, probabilities)
    if labels.all() or not labels.any():
        assert threshold == 0.5
        return
    called = probabilities >= probabilities[:, None]  # by each value as the threshold
    best = (2 * (called & labels).sum(axis=1) / (called.sum(axis=1) + labels.sum())).max()
    assert slice_scores(labels, probabilities, threshold)["f1"] == pytest.approx(best)


def test_rounding_moves_no_slice_across_the_threshold():
    threshold = best_f1_threshold([0, 1], [0.25, 0.75])
    assert threshold == 0.5


def test_equally_good_thresholds_go_to_the_nearest_to_one_half():
    # From 0.05 down every threshold calls all positive; a perfect F1 needs a threshold between 0.1 and 0.9.
    assert best_f1_threshold([0, 1, 1, 0, 1], [0.1, 0.9, 0.95, 0.92, 0.2]) == pytest.approx(0.15)


def test_neighboring_floats_have_no_middle():
    low = 0.3
    high = np.nextafter(low, 1)
    assert slice_scores([0, 1], [low, high], best_f1_threshold([0, 1], [low, high]))["f1"] == 1.0


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1], [-1, -1]])
def test_without_a_choice_it_is_one_half(labels):
    assert best_f1_threshold(labels, [0.1, 0.2][: len(labels)]) == 0.5


def test_ignored_slices_and_several_classes():
    assert best_f1_threshold([0, 1, -1], [0.25, 0.75, 0.7]) == 0.5
    several = [[0.875, 0.0625, 0.0625], [0.625, 0.25, 0.125]]
    assert best_f1_threshold([0, 2], several) == 0.25, "of any class but background, as inference has it"


def test_a_threshold_of_probabilities_that_are_no_numbers_is_refused():
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity for 1 slices"):
        best_f1_threshold([0, 1], [0.5, float("nan")])
    assert best_f1_threshold([0, 1, -1], [0.25, 0.75, float("nan")]) == 0.5  # an ignored slice does not count


def test_the_threshold_is_the_best_on_average_over_labels_drawn_from_the_probabilities(draw):
    probability = draw.beta(0.5, 1.0, size=60)
    labels = draw.random((2000, 60)) < probability

    def mean_f1(threshold):
        called = probability >= threshold
        return (2 * (labels & called).sum(axis=1) / (labels.sum(axis=1) + called.sum())).mean()

    assert mean_f1(expected_f1_threshold(probability)) > max(map(mean_f1, probability)) - 0.003
    assert expected_f1_threshold([0.4, 0.4]) == pytest.approx(0.2)  # all are called positive


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_the_expected_threshold_varies_less_from_few_patients(draw):
    """Slices whose probabilities are true: both rules choose on 6 patients, and are tried on many."""
    found = {F1Threshold(): [], F1Threshold(expected=True): []}
    for _ in range(30):
        probability = draw.beta(0.3, 0.6, size=120)
        label = draw.random(120) < probability
        for rule, thresholds in found.items():
            thresholds.append(rule(label, probability))
    assert np.std(found[F1Threshold(expected=True)]) < 0.5 * np.std(found[F1Threshold()])


@pytest.mark.parametrize("rule", [F1Threshold(), F1Threshold(expected=True)])
def test_a_rule_leaves_out_ignored_slices_and_says_where_its_threshold_is_from(rule):
    probability = [0.9, 0.1, 0.99]
    assert chosen_threshold("validation", [1, 0, -1], probability, rule) == (0.5, "validation")
    assert chosen_threshold("validation", [1, 1, -1], probability, rule) == (0.5, "default")
    several = [[0.875, 0.0625, 0.0625], [0.0, 0.25, 0.75]]
    assert chosen_threshold("validation", [0, 2], several, rule) == (0.5625, "validation")
    assert chosen_threshold(0.3, [], [], rule) == (0.3, "given")


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5, 2.0])
def test_both_rules_find_the_best_f_beta(draw, beta):
    """The expected one in the long run: 400 draws of the labels of slices whose probabilities are true."""
    probability = np.round(draw.beta(0.5, 0.8, size=60), 3)
    label = draw.random(60) < probability
    scores = [fbeta_score(label, probability >= value, beta=beta) for value in probability]
    found = F1Threshold(beta=beta)(label, probability)
    assert fbeta_score(label, probability >= found, beta=beta) == pytest.approx(max(scores))

    labels = draw.random((400, 60)) < probability

    def mean_score(threshold):
        called = np.broadcast_to(probability >= threshold, labels.shape)
        return np.mean(fbeta_score(labels, called, beta=beta, average="samples", zero_division=0))

    expected = F1Threshold(expected=True, beta=beta)(label, probability)
    assert mean_score(expected) > max(map(mean_score, probability)) - 0.003


def test_a_larger_beta_misses_fewer_slices(draw):
    probability = draw.beta(0.5, 0.8, size=200)
    label = draw.random(200) < probability
    for expected in (False, True):
        found = [F1Threshold(expected, beta)(label, probability) for beta in (0.5, 1.0, 1.5, 3.0)]
        assert found == sorted(found, reverse=True)
        assert found[0] > found[-1]


@pytest.mark.parametrize("beta", [0, -1.0, float("nan"), float("inf")])
def test_a_beta_that_is_none_is_refused(beta):
    with pytest.raises(ValueError, match=r"beta must be a number above 0, got .*: use 1 for F1"):
        F1Threshold(beta=beta)


def test_the_expected_threshold_does_not_look_at_labels():
    draw = np.random.default_rng(0)
    probability = draw.random(40)
    label = np.arange(40) % 2
    assert len({F1Threshold(expected=True)(draw.permutation(label), probability) for _ in "abc"}) == 1


def test_wrong_words_and_probabilities_are_refused():
    with pytest.raises(ValueError, match="threshold must be a number or 'validation', got 'best'"):
        chosen_threshold("best", [0, 1], [0.1, 0.9])
    with pytest.raises(ValueError, match="must be finite"):
        expected_f1_threshold([0.5, float("nan")])


def test_probabilities_that_are_not_calibrated_are_told(caplog):
    label, rule = [0, 1] * 20, F1Threshold(expected=True)
    rule(label, [0.3, 0.6] * 20)
    assert not caplog.records
    rule(label, [0.7, 0.95] * 20)
    rule(label, [0.01, 0.3] * 20)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "expect 33 positive ones, 20 are" in caplog.text
    F1Threshold()(label, [0.7, 0.95] * 20)
    assert len(caplog.records) == 2, "labels alone choose"
