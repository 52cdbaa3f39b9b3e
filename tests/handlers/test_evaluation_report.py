"""Files of an evaluation: predictions.csv, then metrics.json; never of another split."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from ignite.engine import Engine

from bundle.evaluation import read_predictions
from bundle.handlers import EvaluationReport, evaluation_report
from bundle.metrics import Predictions, best_f1_threshold, slice_scores
from bundle.probabilities import SliceProbabilities


def some(seed):
    """Six patients of ten slices."""
    draw = np.random.default_rng(seed)
    patient = np.repeat([f"p{number}" for number in range(6)], 10)
    label = draw.integers(0, 2, 60)
    return Predictions(patient, patient, patient, np.tile(np.arange(10), 6), label, draw.random(60) / 2 + label / 3)


TRAIN = SimpleNamespace(
    cases=["t1", "t0"], labels=np.array([0, 1, 1, 0]), relative_position=np.array([0.0, 0.4, 0.6, 1.0])
)


def evaluate(folder, *, test=0, validation=1, **options):
    collected = [
        SimpleNamespace(predictions=None if seed is None else some(seed), map_scale=None) for seed in (test, validation)
    ]
    report = EvaluationReport(folder, *collected, TRAIN, n_resamples=20, **options)
    engine = Engine(lambda engine, batch: None)
    report.attach(engine)
    engine.run([0])


def test_both_files_appear(tmp_path, caplog):
    caplog.set_level("INFO", logger="bundle")
    evaluate(tmp_path / "run", split_hash="abc")
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert {"slice", "volume", "map", "n", "intervals", "baselines"} <= set(metrics)
    assert {"f1", "accuracy", "auroc", "average_precision", "cohen_kappa"} <= set(metrics["slice"])
    assert (metrics["n"]["slices"], metrics["n"]["patients"], metrics["split_hash"]) == (60, 6, "abc")
    assert metrics["threshold_from"] == "validation"
    assert "position" in metrics["baselines"]
    np.testing.assert_array_equal(read_predictions(tmp_path / "run/predictions.csv").probability, some(0).probability)
    split = json.loads((tmp_path / "run/split.json").read_text())
    assert split == {"train": ["t0", "t1"], "val": [f"p{k}" for k in range(6)], "test": [f"p{k}" for k in range(6)]}
    assert f"{metrics['slice']['f1']:.3f} [" in caplog.text


@pytest.mark.parametrize("smoothing", ["validation", 0.75])
def test_smoothing_comes_before_scores_thresholds_and_files(smoothing, tmp_path, caplog):
    caplog.set_level("INFO", logger="bundle")
    evaluate(tmp_path, probabilities=SliceProbabilities(smoothing))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    chosen = SliceProbabilities(smoothing).chosen_on(some(1))
    assert metrics["slice_smoothing"] == chosen.smoothing
    assert ("sigma 0.75 slices" in caplog.text) == (smoothing == 0.75)
    written = read_predictions(tmp_path / "predictions.csv")
    np.testing.assert_allclose(written.probability, chosen.of(some(0)).probability)
    validation = read_predictions(tmp_path / "validation_predictions.csv")
    np.testing.assert_allclose(validation.probability, chosen.of(some(1)).probability)
    assert metrics["threshold"] == best_f1_threshold(validation.label, validation.probability)
    scores = slice_scores(written.label, written.probability, metrics["threshold"])
    assert {name: metrics["slice"][name] for name in scores} == pytest.approx(scores)


def test_position_is_fitted_to_the_training_slices(tmp_path, caplog):
    caplog.set_level("INFO", logger="bundle")
    evaluate(tmp_path, probabilities=SliceProbabilities(position=0.1))
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    fitted = SliceProbabilities(position=metrics["slice_position"])
    assert fitted == SliceProbabilities(position=0.1).fitted_to(TRAIN.relative_position, TRAIN.labels)
    written = read_predictions(tmp_path / "predictions.csv")
    np.testing.assert_allclose(written.probability, fitted.of(some(0)).probability)
    assert "position of a slice in its scan counts" in caplog.text


def test_a_threshold_that_is_given_is_used(tmp_path):
    evaluate(tmp_path, threshold=0.25)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["threshold"], metrics["threshold_from"]) == (0.25, "given")


def test_metrics_come_last(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(evaluation_report, "write_predictions", fail)
    with pytest.raises(OSError, match="disk full"):
        evaluate(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    ("record", "split_hash", "refused"),
    [
        ({"split_hash": "abc"}, "abc", False),
        ({"split_hash": "abc"}, "other", True),
        ({"split_hash": "abc"}, "", False),
        ({"split_hash": ""}, "other", False),
        ({}, "other", False),
        (None, "other", False),
    ],
)
def test_another_split_is_refused_before_anything_is_scored(record, split_hash, refused, tmp_path):
    if record is not None:
        (tmp_path / "run.json").write_text(json.dumps(record))
    if refused:
        with pytest.raises(ValueError, match="split must be abc, which the run was trained on, got other"):
            evaluate(tmp_path, test=None, split_hash=split_hash)
    else:
        evaluate(tmp_path, split_hash=split_hash)
    assert (tmp_path / "metrics.json").exists() is not refused


def test_an_empty_test_set_is_an_error(tmp_path):
    """MONAI warns and skips such an evaluation, and the run would end well without any result."""
    with pytest.raises(ValueError, match="test split must have slices, got none"):
        evaluate(tmp_path, test=None)
    report = EvaluationReport(tmp_path, SimpleNamespace(predictions=None), None, TRAIN)
    with pytest.raises(ValueError, match="test split must have slices, got none"):
        report.finish()


def test_without_validation_the_threshold_is_one_half_and_says_so(tmp_path):
    evaluate(tmp_path, validation=None)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["threshold"], metrics["threshold_from"]) == (0.5, "default")
    assert json.loads((tmp_path / "split.json").read_text())["val"] == []
