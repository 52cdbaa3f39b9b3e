"""The content of metrics.json."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from bundle.evaluation import MapEvaluation, SliceEvaluation, evaluate_predictions
from bundle.metrics import IOU_THRESHOLDS, F1Threshold, Predictions, best_f1_threshold, cluster_bootstrap
from bundle.reports import evaluation_summary


def some(seed=0, *, patients=8, depth=20, skill=1.5, **more):
    rng = np.random.default_rng(seed)
    n = patients * depth
    patient = np.repeat([f"p{i}" for i in range(patients)], depth)
    index = np.tile(np.arange(depth), patients)
    label = ((np.abs(index - depth / 2) < 5) & (rng.random(n) < 0.8)).astype(int)
    probability = 1 / (1 + np.exp(-(skill * (2 * label - 1) + rng.normal(size=n))))
    site = np.where(patient < "p4", "north", "south")
    return Predictions(np.char.add(patient, "_1"), patient, site, index, label, probability, **more)


def some_maps(label, level, seed=0):
    """Scores around `level`, with the best threshold of the IoU at index 3 and NaN where there is no mask."""
    rng = np.random.default_rng(seed)
    noise = np.where(label > 0, rng.random(len(label)) * 0.1, np.nan)
    curve = np.where(np.arange(len(IOU_THRESHOLDS)) == 3, 0.5, 0.1)
    return {"energy_ratio": level + noise, "pointing_game": level / 10 + noise, "iou": curve + noise[:, None]}


@pytest.fixture(scope="module")
def both():
    test, validation = some(0), some(1)
    maps = {"map_scores": some_maps(test.label, 5), "prior_map_scores": some_maps(test.label, 2)}
    with_maps = Predictions(**{**vars(test), **maps})
    more = {"map_scores": some_maps(validation.label, 5), "prior_map_scores": some_maps(validation.label, 2)}
    return with_maps, Predictions(**{**vars(validation), **more})


@pytest.fixture(scope="module")
def result(both):
    test, validation = both
    train = some(2)
    return evaluate_predictions(
        test, validation, train_position=train.position, train_label=train.label, n_resamples=200, split_hash="abc"
    )


def test_slice_scores_at_the_threshold_of_validation(both, result):
    test, validation = both
    threshold = best_f1_threshold(validation.label, validation.probability)
    assert (result["threshold"], result["threshold_from"]) == (threshold, "validation")
    assert result["slice"]["f1"] == pytest.approx(sk.f1_score(test.label, test.probability >= threshold))
    assert result["slice_at_0.5"]["f1"] == pytest.approx(sk.f1_score(test.label, test.probability >= 0.5))
    assert result["slice"]["auroc"] == result["slice_at_0.5"]["auroc"]
    assert result["split_hash"] == "abc"


def test_the_rule_of_the_threshold_is_kept_with_it(both, result):
    test, validation = both
    assert (result["threshold_is_expected"], result["threshold_beta"]) == (False, 1.0)
    rule = F1Threshold(expected=True, beta=2)
    found = evaluate_predictions(test, validation, threshold_rule=rule, n_resamples=2)
    assert found["threshold"] == rule(validation.label, validation.probability) < result["threshold"]
    assert (found["threshold_is_expected"], found["threshold_beta"]) == (True, 2)
    assert "chosen on validation slices by the F-score with beta 2 expected from" in evaluation_summary(found)[1]
    given = evaluate_predictions(test, validation, threshold=0.5, threshold_rule=rule, n_resamples=2)
    assert (given["threshold_is_expected"], given["threshold_beta"]) == (None, None)


def test_every_score_lies_in_its_interval(result):
    for name, interval in result["intervals"]["slice"].items():
        assert interval.low <= result["slice"][name] <= interval.high
        assert interval.draws == 200
    for name, interval in result["intervals"]["map"].items():
        assert interval.low <= result["map"][name] <= interval.high


def test_per_site_with_counts(both, result):
    test, _ = both
    north = test.site == "north"
    assert set(result["per_site"]) == {"north", "south"}
    assert result["per_site"]["north"]["auroc"] == pytest.approx(
        sk.roc_auc_score(test.label[north], test.probability[north])
    )
    assert result["per_site"]["north"]["patients"] == 4
    assert result["n"] | {"positives": 0} == {
        "slices": 160,
        "positives": 0,
        "unlabelled": 0,
        "cases": 8,
        "patients": 8,
        "sites": 2,
    }


def test_patients_missed_whole_by_site_and_at_both_thresholds(both):
    """North has p0 to p3, south p4 to p7; p1 and p6 have no slice at 0.9, p6 has none at 0.5 either."""
    test, _ = both
    level = np.select([test.patient == "p6", test.patient == "p1"], [0.1, 0.7], 1.0)
    found = evaluate_predictions(Predictions(**{**vars(test), "probability": level}), threshold=0.9, n_resamples=50)
    counted = {name: found[name] for name in ("slice", "slice_at_0.5")} | found["per_site"]
    assert {name: (of["patients_missed"], of["patients_positive"]) for name, of in counted.items()} == {
        "slice": (2, 8), "slice_at_0.5": (1, 8), "north": (1, 4), "south": (1, 4),
    }  # fmt: skip
    assert found["slice"]["patients_missed_share"] == 0.25
    low, high, draws = found["intervals"]["slice"]["patients_missed_share"]
    assert (0 <= low < 0.25 < high < 1, draws) == (True, 50)


def test_position_and_center_stand_beside(result):
    position, prior = result["baselines"]["position"], result["baselines"]["centre_prior"]
    assert 0.5 < position["slice"]["auroc"] < result["slice"]["auroc"]
    gain = position["difference"]["auroc"]
    assert gain.value == pytest.approx(result["slice"]["auroc"] - position["slice"]["auroc"])
    assert gain.low <= gain.value <= gain.high
    assert prior["difference"]["energy_ratio"].value == pytest.approx(3.0)
    assert prior["map"]["n"] == result["map"]["n"] == result["n"]["positives"]
    assert set(prior["intervals"]) == {"energy_ratio", "pointing_game", "iou"}


def test_the_threshold_of_the_maps_comes_from_validation(both, result):
    assert result["map"]["iou_threshold"] == IOU_THRESHOLDS[3]
    assert result["map"]["iou"] == pytest.approx(0.55, abs=0.03)
    assert MapEvaluation(both[0], None, n_resamples=2).scores()["iou_threshold"] == 0.5


def test_volumes(both, result):
    assert result["volume"]["max"]["n"] == 8
    assert set(result["volume"]) == set(result["intervals"]["volume"]) == {"max", "top_k_mean", "noisy_or"}
    assert math.isnan(result["volume"]["max"]["auroc"])  # all eight volumes have a positive slice
    assert result["volume"]["max"]["positives"] == 8


def test_volume_thresholds_are_the_best_of_validation():
    names = np.array(["a", "b", "c"])
    validation = Predictions(names, names, names, np.zeros(3, int), np.array([0, 1, 1]), np.array([0.7, 0.9, 0.95]))
    test = validation.select(np.array([0, 1]))
    scores, intervals = SliceEvaluation(test, validation, threshold=0.5, n_resamples=50).volumes(top_k=1)
    assert scores["max"]["threshold"] == pytest.approx(0.8)
    assert scores["max"]["accuracy"] == 1.0
    assert intervals["max"]["accuracy"].low == 1.0


@pytest.mark.parametrize("level", [0.1, 0.8])
def test_volumes_of_one_class_take_over_the_threshold_of_the_slices(level):
    """Else all slices of a volume could be positive and the volume negative, or the other way round."""
    validation = some(1)
    assert validation.label.reshape(8, 20).any(axis=1).all()
    validation = Predictions(**{**vars(validation), "probability": validation.probability * level})
    scores = evaluate_predictions(validation, validation, n_resamples=20)
    assert scores["threshold"] != 0.5
    assert {kind: found["threshold"] for kind, found in scores["volume"].items()} == dict.fromkeys(
        ("max", "top_k_mean", "noisy_or"), scores["threshold"]
    )


@pytest.mark.parametrize("label", [0, 1, -1])
def test_validation_slices_of_one_class_choose_nothing(label):
    validation = Predictions(**{**vars(some(1)), "label": np.full(160, label)})
    scores = evaluate_predictions(some(), validation, n_resamples=20)
    assert (scores["threshold"], scores["threshold_from"]) == (0.5, "default")
    assert scores["volume"]["max"]["threshold"] == 0.5


def test_a_given_threshold_serves_volumes_too():
    names = np.array(["a", "b", "c"])
    slices = Predictions(names, names, names, np.zeros(3, int), np.array([0, 1, 1]), np.array([0.1, 0.2, 0.9]))
    chosen = evaluate_predictions(slices, slices, n_resamples=20)["volume"]
    assert chosen["max"]["threshold"] == pytest.approx(0.15)  # the best on these slices
    given = evaluate_predictions(slices, slices, threshold=0.5, n_resamples=20)["volume"]
    assert {found["threshold"] for found in given.values()} == {0.5}
    assert given["max"]["sensitivity"] == 0.5


def test_intervals_draw_patients_not_slices(both, result):
    test, _ = both
    from bundle.metrics import SliceScorer

    scorer = SliceScorer(test.label, test.probability, result["threshold"], test.patient)
    assert result["intervals"]["slice"] == cluster_bootstrap(test.patient, scorer, 200)


def test_one_class_and_nothing_labelled_are_no_crash():
    test = some()
    healthy = Predictions(**{**vars(test), "label": np.zeros(len(test), int)})
    scores = evaluate_predictions(healthy, n_resamples=20, train_position=test.position, train_label=test.label)
    assert math.isnan(scores["slice"]["auroc"])
    assert (scores["slice"]["n"], scores["slice"]["positives"]) == (160, 0)
    assert scores["intervals"]["slice"]["auroc"].draws == 0
    unknown = evaluate_predictions(Predictions(**{**vars(test), "label": np.full(len(test), -1)}), n_resamples=20)
    assert unknown["n"]["unlabelled"] == 160
    assert unknown["volume"]["max"]["n"] == 0


def test_without_validation_train_and_maps():
    scores = evaluate_predictions(some(), n_resamples=20)
    assert (scores["threshold"], scores["threshold_from"]) == (0.5, "default")
    assert scores["baselines"] == scores["map"] == {}
    given = evaluate_predictions(some(), n_resamples=20, threshold=0.3)
    assert (given["threshold"], given["threshold_from"]) == (0.3, "given")


def test_what_pads_a_batch_is_not_counted():
    test = some()
    filled = test.select(np.append(np.arange(len(test)), [0, 1]))
    filled = Predictions(**{**vars(filled), "label": np.append(test.label, [-1, -1])})
    assert evaluate_predictions(filled, n_resamples=20)["n"] == evaluate_predictions(test, n_resamples=20)["n"]


def test_several_classes_beside_position():
    test = some()
    several = np.stack([1 - test.probability, test.probability * 0.7, test.probability * 0.3], axis=1)
    test = Predictions(**{**vars(test), "probability": several, "label": test.label * 2})
    scores = evaluate_predictions(test, test, train_position=test.position, train_label=test.label, n_resamples=20)
    assert scores["baselines"]["position"]["difference"]["auroc"].value > 0


def test_a_wrong_word_is_refused():
    with pytest.raises(ValueError, match="threshold must be a number or 'validation', got 'best'"):
        evaluate_predictions(some(), threshold="best")


def test_json_can_hold_it(result, tmp_path):
    from bundle.files import write_json

    found = json.loads(write_json(tmp_path / "metrics.json", result).read_text())
    assert found["volume"]["max"]["auroc"] is None
    assert set(found["intervals"]["slice"]["f1"]) == {"low", "high", "draws"}
