"""Every weighted score against scikit-learn's `sample_weight`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from bundle.metrics import BinaryScores, MissedAtSpecificity, MissedPatients


def sensitivity_at_90_specificity(y, s, p, w):
    false_alarms, sensitivity, _ = sk.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
    return sensitivity[false_alarms <= 0.1].max()


ORACLE = {
    "f1": lambda y, s, p, w: sk.f1_score(y, p, sample_weight=w),
    "accuracy": lambda y, s, p, w: sk.accuracy_score(y, p, sample_weight=w),
    "auroc": lambda y, s, p, w: sk.roc_auc_score(y, s, sample_weight=w),
    "average_precision": lambda y, s, p, w: sk.average_precision_score(y, s, sample_weight=w),
    "cohen_kappa": lambda y, s, p, w: sk.cohen_kappa_score(y, p, sample_weight=w),
    "sensitivity": lambda y, s, p, w: sk.recall_score(y, p, sample_weight=w),
    "specificity": lambda y, s, p, w: sk.recall_score(1 - y, ~p, sample_weight=w),
    "sensitivity_at_90_specificity": sensitivity_at_90_specificity,
}


@pytest.mark.parametrize("name", ORACLE)
@pytest.mark.parametrize("decimals", [1, 8], ids=["many ties", "no ties"])
def test_weighted_scores_are_those_of_sklearn(name, decimals):
    rng = np.random.default_rng(3)
    labels = (rng.random(300) < 0.3).astype(int)
    scores = np.round(np.clip(rng.normal(0.3 + 0.3 * labels, 0.2), 0, 1), decimals)
    weights = rng.integers(0, 4, 300).astype(float)
    mine = BinaryScores(labels > 0, scores, scores >= 0.5)(weights)
    assert mine[name] == pytest.approx(ORACLE[name](labels, scores, scores >= 0.5, weights), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_weight_is_a_number_of_copies(rows):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    weighted = BinaryScores(labels, scores, scores > 2)(weights.astype(float))
    copied = np.repeat(np.arange(len(rows)), weights)
    repeated = BinaryScores(labels[copied], scores[copied], scores[copied] > 2)(np.ones(len(copied)))
    np.testing.assert_allclose(list(weighted.values()), list(repeated.values()), atol=1e-12)


@pytest.mark.parametrize(
    ("negatives_above", "expected"), [(0, 1.0), (1, 1.0), (2, 0.5)], ids=["0 of 10", "1 of 10", "2 of 10"]
)
def test_one_false_alarm_in_ten_is_a_specificity_of_90_percent(negatives_above, expected):
    """Positives at 0.9 and 0.5; that many of ten negatives lie between them."""
    scores = np.array([0.9, 0.5] + [0.7] * negatives_above + [0.1] * (10 - negatives_above))
    labels = np.arange(12) < 2
    found = BinaryScores(labels, scores, scores > 0.5)(np.full(12, 3.0))
    assert found["sensitivity_at_90_specificity"] == expected


def test_no_threshold_with_so_few_false_alarms_finds_nothing():
    scores = np.array([0.9, 0.9, 0.1])
    found = BinaryScores(np.array([True, False, False]), scores, scores > 0.5)(np.ones(3))
    assert found["sensitivity_at_90_specificity"] == 0.0


def test_a_patient_is_missed_if_no_slice_of_it_is_called_positive():
    """a: its lesion is not called, a slice beside it is; b: nothing; c: healthy; d: its lesion is called."""
    missed = MissedPatients(list("aabbcdd"), [1, 0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0, 1])
    assert missed.counts == {"patients_missed": 1, "patients_positive": 3}
    drawn = {"a": 2.0, "b": 1.0, "c": 5.0, "d": 1.0}
    assert missed(np.array([drawn[name] for name in "aabbcdd"])) == {"patients_missed_share": 0.25}
    assert np.isnan(MissedPatients(["c"], [0], [1])(np.ones(1))["patients_missed_share"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 6)), min_size=1, max_size=40), st.data())
def test_patients_missed_at_90_specificity_are_those_below_every_threshold_that_reaches_it(rows, data):
    patients, labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    copies = np.array(data.draw(st.lists(st.integers(0, 3), min_size=5, max_size=5)))
    weights = copies[patients].astype(float)
    missed = MissedAtSpecificity(patients, labels, scores)
    share = missed(weights)["patients_missed_share_at_90_specificity"]
    negatives = weights[~labels].sum()
    positive = [number for number in np.unique(patients) if labels[patients == number].any()]
    if not negatives or not copies[positive].sum():
        assert np.isnan(share)
        return
    reach = [cut for cut in range(8) if weights[~labels & (scores >= cut)].sum() <= 0.1 * negatives + 1e-9]
    lost = [copies[number] * (scores[patients == number] < min(reach)).all() for number in positive]
    assert share == pytest.approx(sum(lost) / copies[positive].sum())


def test_patients_missed_at_90_specificity_are_counted():
    assert MissedAtSpecificity(list("aabb"), [1, 0, 1, 0], [9, 1, 1, 2]).counts == {
        "patients_missed_at_90_specificity": 1
    }
    assert MissedAtSpecificity(["a"], [1], [9]).counts == {}, "no negative slice, no specificity"
