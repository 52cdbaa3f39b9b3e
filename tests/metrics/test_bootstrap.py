"""Resampling patients."""

import math
import time

import numpy as np
import pytest

from bundle.metrics import MapScorer, SliceScorer, cluster_bootstrap, holm, paired_difference


def mean_of(values):
    return lambda weights: {"mean": float(weights @ values / weights.sum())}


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = np.random.default_rng(0).normal(size=400)
    low, high, draws = cluster_bootstrap(np.arange(400), mean_of(values), n_resamples=4000)["mean"]
    half = 1.96 * values.std() / math.sqrt(400)
    assert draws == 4000
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)


def test_slices_of_a_patient_are_drawn_together():
    seen = []
    cluster_bootstrap(["a", "b", "a", "c"], lambda weights: seen.append(weights) or {}, n_resamples=50)
    assert all(weights[0] == weights[2] for weights in seen)
    assert {weights[0] + weights[1] + weights[3] for weights in seen} == {3.0}


def test_copies_of_a_slice_add_no_certainty():
    values = np.random.default_rng(1).normal(size=30)
    once = cluster_bootstrap(np.arange(30), mean_of(values))
    often = cluster_bootstrap(np.repeat(np.arange(30), 50), mean_of(np.repeat(values, 50)))
    assert often["mean"] == pytest.approx(once["mean"])


def test_draws_without_a_value_are_left_out_and_counted():
    interval = cluster_bootstrap(["a", "b"], SliceScorer([1, 0], [0.9, 0.1]), n_resamples=1000)["auroc"]
    assert (interval.low, interval.high) == (1.0, 1.0)
    assert interval.draws == pytest.approx(500, abs=60)  # half of all draws hold one patient twice
    never = cluster_bootstrap(["a", "b"], SliceScorer([0, 0], [0.9, 0.1]))["auroc"]
    assert math.isnan(never.low)
    assert never.draws == 0


def test_seed_and_confidence():
    values = np.arange(20.0)
    first, again = (cluster_bootstrap(values, mean_of(values), n_resamples=200, seed=5) for _ in range(2))
    assert first == again
    assert first != cluster_bootstrap(values, mean_of(values), n_resamples=200, seed=6)
    narrow = cluster_bootstrap(values, mean_of(values), n_resamples=200, seed=5, confidence=0.5)["mean"]
    assert first["mean"].low < narrow.low < narrow.high < first["mean"].high


def test_a_thousand_draws_of_two_thousand_slices_take_moments():
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 2000), np.repeat(np.arange(20), 100)
    start = time.process_time()
    cluster_bootstrap(patients, SliceScorer(labels, rng.random(2000)), n_resamples=1000)
    assert time.process_time() - start < 3


@pytest.mark.parametrize("wrong", [{"n_resamples": 0}, {"confidence": 1.0}])
def test_ranges_are_checked(wrong):
    with pytest.raises(
        ValueError, match=r"n_resamples must be at least 1, got 0|confidence must be between 0 and 1, got 1"
    ):
        cluster_bootstrap([1], mean_of(np.ones(1)), **wrong)


def test_nobody_to_draw():
    assert cluster_bootstrap([], mean_of(np.ones(0))) == {}


def test_a_paired_difference_is_narrower_than_its_parts():
    rng = np.random.default_rng(2)
    labels, patients = rng.integers(0, 2, 600), np.repeat(np.arange(30), 20)
    hard = np.repeat(rng.normal(0, 1, 30), 20) * (2 * labels - 1)  # hard patients are hard for both models
    logits = 0.5 * (2 * labels - 1) + hard + rng.normal(size=600)
    one, other = (SliceScorer(labels, 1 / (1 + np.exp(-(logits + shift)))) for shift in (0.1 * (2 * labels - 1), 0.0))
    gain = paired_difference(one, other, patients)["auroc"]
    alone = cluster_bootstrap(patients, one)["auroc"]
    assert gain.value == pytest.approx(one(None)["auroc"] - other(None)["auroc"])
    assert gain.low <= gain.value <= gain.high
    assert gain.high - gain.low < 0.5 * (alone.high - alone.low)


def test_map_scores_are_averaged_over_positive_slices_with_a_mask():
    scores = {"energy_ratio": np.array([2.0, 4.0, np.nan, 8.0]), "iou": np.array([[0.1, 0.5]] * 3 + [[0.3, 0.9]])}
    scorer = MapScorer(scores, [1, 1, 1, 0], iou_index=1)
    assert scorer.count == 2
    assert scorer() == {"energy_ratio": 3.0, "iou": 0.5}
    assert scorer(np.array([3.0, 1.0, 9.0, 9.0]))["energy_ratio"] == 2.5
    assert math.isnan(scorer(np.zeros(4))["iou"])
    assert MapScorer({}, [1, 1]).count == 0


def test_one_patient_has_no_interval():
    interval = cluster_bootstrap(["a", "a"], lambda weights: {"sum": weights.sum()})["sum"]
    assert np.isnan([interval.low, interval.high]).all()
    assert interval.draws == 0


@pytest.mark.parametrize(("patients", "smallest"), [(2, 0.5), (6, 2**-5), (20, 2 / 1001)])
def test_few_patients_show_little(patients, smallest):
    """One model is better in every patient, so no draw is on the other side; a sign test would give 2^(1-n)."""
    labels, clusters = np.tile([0, 1], patients), np.repeat(np.arange(patients), 2)
    good, bad = (SliceScorer(labels, np.abs(labels - wrong)) for wrong in (0.1, 0.9))
    assert paired_difference(good, bad, clusters)["accuracy"].p_value == pytest.approx(smallest)


def test_no_patient_with_a_value_gives_no_p_value():
    scorer = SliceScorer([0, 0], [0.9, 0.1])
    assert math.isnan(paired_difference(scorer, scorer, ["a", "b"])["auroc"].p_value)


def test_by_hand():
    # sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.5 * 1; never below an earlier one
    found = holm({"d": 0.5, "b": 0.02, "a": 0.01, "c": 0.03})
    assert found == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.5})


def test_never_above_one_and_one_comparison_stays():
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.03}) == {"a": 0.03}


def test_what_has_no_value_does_not_count():
    found = holm({"a": 0.02, "b": math.nan})
    assert found["a"] == 0.02
    assert math.isnan(found["b"])
