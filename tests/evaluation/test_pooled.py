"""Pooled runs: against scikit-learn on the joined slices, and toys worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from bundle.evaluation import (
    RANKING,
    AveragedRuns,
    FinishedRun,
    PooledRuns,
    corrected,
    read_predictions,
    write_predictions,
)
from bundle.files import write_json
from bundle.metrics import Difference, Predictions, slice_scores


def fold(number, cases=4, depth=6, shift=0.0):
    """Predictions of one fold: patients of its own, probabilities that follow the label."""
    draw = np.random.default_rng(number)
    case = np.repeat([f"f{number}c{k}" for k in range(cases)], depth)
    label = draw.integers(0, 2, cases * depth)
    probability = np.clip(0.35 * label + 0.6 * draw.random(cases * depth) + shift, 0, 1)
    hits = np.where(label > 0, draw.integers(0, 2, cases * depth).astype(float), np.nan)
    return Predictions(
        case, case, np.full(len(case), "x"), np.tile(np.arange(depth), cases), label, probability,
        {"pointing_game": hits}, {"pointing_game": np.where(label > 0, 0.0, np.nan)}, np.full(len(case), 0.5),
    )  # fmt: skip


def test_scores_are_those_of_all_slices_each_at_its_runs_threshold():
    runs, thresholds = [fold(0), fold(1, shift=0.2)], [0.4, 0.7]
    found = PooledRuns(runs, thresholds).scores()
    label = np.concatenate([run.label for run in runs])
    probability = np.concatenate([run.probability for run in runs])
    predicted = np.concatenate([run.probability >= threshold for run, threshold in zip(runs, thresholds, strict=True)])
    assert found["f1"] == pytest.approx(f1_score(label, predicted))
    assert found["f1_at_0.5"] == pytest.approx(f1_score(label, probability >= 0.5))
    assert found["auroc"] == pytest.approx(roc_auc_score(label, probability))
    assert found["average_precision"] == pytest.approx(average_precision_score(label, probability))
    hits = np.concatenate([run.map_scores["pointing_game"] for run in runs])
    assert found["map_pointing_game"] == pytest.approx(np.nanmean(hits))


def test_seeds_on_one_test_set_share_their_patients():
    """Three seeds of the same patients are no more patients: the interval must not shrink as if they were."""
    once = PooledRuns([fold(0)], [0.5]).intervals(n_resamples=300)["f1"]
    thrice = PooledRuns([fold(0)] * 3, [0.5] * 3).intervals(n_resamples=300)["f1"]
    assert thrice == pytest.approx(once)


def test_a_patient_of_two_seeds_is_missed_by_each_alone():
    """Four patients, two seeds: the second does not find the first patient."""
    one = fold(0)
    label = np.arange(len(one)) > 0  # one negative slice
    one = replace(one, label=label.astype(int), probability=np.where(label, 0.9, 0.85))
    other = replace(one, probability=np.where(one.case == "f0c0", 0.1, 0.9) - 0.05 * ~label)
    pooled = PooledRuns([one, other], [0.95, 0.05])
    assert pooled.missed() == {
        "patients_missed_share": "4 of 8",
        "patients_missed_share_at_0.5": "1 of 8",
        "patients_missed_share_at_90_specificity": "1 of 8",
    }
    assert pooled.scores()["patients_missed_share"] == 0.5
    assert pooled.scores()["patients_missed_share_at_0.5"] == 0.125
    assert pooled.intervals(n_resamples=50)["patients_missed_share_at_0.5"].low == 0


def test_averaged_runs_are_scored_each_for_itself():
    runs = [fold(0), fold(1, shift=0.3)]
    averaged = AveragedRuns(runs)
    alone = [PooledRuns([run], [0.5]) for run in runs]
    for name in RANKING:
        assert averaged.scores()[name] == pytest.approx(np.mean([run.scores()[name] for run in alone]))
    first_only = np.repeat([1.0, 0.0], [len(run) for run in runs])
    assert averaged.scores(first_only)["auroc"] == alone[0].scores()["auroc"], "a run without patients has no value"
    assert np.isnan(averaged.scores(first_only * 0)["auroc"])
    same = averaged.above(AveragedRuns(runs), n_resamples=20)
    assert set(same) == set(RANKING)
    assert same["auroc"].value == 0


def test_scores_that_an_older_evaluation_did_not_write_come_from_its_predictions(tmp_path):
    run = fold(0)
    write_predictions(tmp_path / "predictions.csv", run)
    written = {
        "slice": {"f1": 0.125, "auroc": None},
        "threshold": 0.4,
        "volume": {"max": {"f1": 0.25, "threshold": 0.9}},
    }
    write_json(tmp_path / "metrics.json", written)
    found = FinishedRun.read(tmp_path).metrics
    expected = slice_scores(run.label, run.probability, 0.4, run.patient)
    assert found["slice"] == {**expected, "f1": 0.125, "auroc": None}, "what was written stays"
    assert found["slice_at_0.5"]["patients_missed"] == 0


def test_unlabelled_slices_do_not_count():
    run = fold(0)
    hidden = replace(run, label=np.where(run.slice_index == 0, -1, run.label))
    kept = run.select(run.slice_index > 0)
    assert PooledRuns([hidden], [0.5]).scores() == PooledRuns([kept], [0.5]).scores()


def test_difference_is_paired_and_refuses_other_slices():
    one, two = fold(0), fold(0, shift=0.1)
    gain = PooledRuns([one], [0.5]).above(PooledRuns([two], [0.5]), n_resamples=50)
    assert gain["auroc"].value == pytest.approx(
        roc_auc_score(one.label, one.probability) - roc_auc_score(two.label, two.probability)
    )
    same = PooledRuns([one], [0.5]).above(PooledRuns([one], [0.5]), n_resamples=50)["f1"]
    assert (same.value, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    for other in ([fold(1)], [one, one], [one.select(np.arange(len(one)) > 0)]):
        with pytest.raises(ValueError, match="same slices"):
            PooledRuns([one], [0.5]).above(PooledRuns(other, [0.5] * len(other)))


@pytest.mark.parametrize(("runs", "thresholds"), [([], []), ([fold(0)], [0.5, 0.5])])
def test_runs_and_thresholds_must_match(runs, thresholds):
    with pytest.raises(ValueError, match="as many as the runs"):
        PooledRuns(runs, thresholds)


def test_several_classes_are_refused():
    run = fold(0)
    with pytest.raises(ValueError, match="several classes"):
        PooledRuns([replace(run, probability=np.full((len(run), 3), 1 / 3))], [0.5])


def test_corrected_p_values_of_one_score():
    rows = {"a": {"f1": Difference(0.1, 0, 1, 9, 0.02)}, "b": {"f1": Difference(0.1, 0, 1, 9, 0.04)}, "c": {}}
    assert corrected(rows, "f1") == {"a": 0.04, "b": 0.04}


def test_a_finished_run_comes_back(tmp_path):
    run = fold(0)
    write_predictions(tmp_path / "predictions.csv", run)
    with pytest.raises(FileNotFoundError, match=r"metrics\.json"):
        FinishedRun.read(tmp_path)
    write_json(tmp_path / "metrics.json", {"threshold": 0.4, "baselines": {"position": {"threshold": 0.3}}})
    finished = FinishedRun.read(tmp_path)
    assert finished.threshold == 0.4
    alone, threshold = finished.position_only()
    assert (threshold, set(alone.probability), alone.map_scores) == (0.3, {0.5}, {})
    np.testing.assert_array_equal(
        finished.center_prior().map_scores["pointing_game"], run.prior_map_scores["pointing_game"]
    )
    write_predictions(
        tmp_path / "predictions.csv", replace(read_predictions(tmp_path / "predictions.csv"), position_only=None)
    )
    with pytest.raises(ValueError, match="position_only"):
        FinishedRun.read(tmp_path).position_only()
