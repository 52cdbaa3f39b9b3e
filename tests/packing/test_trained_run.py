"""The threshold that is packed, and scores that belong to another split."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bundle.evaluation import write_predictions
from bundle.metrics import Predictions
from bundle.packing import TrainedRun


@pytest.mark.parametrize(
    ("knob", "metrics", "expected"),
    [
        ("validation", {"threshold": 0.3}, 0.3),  # chosen by the evaluation
        (0.7, {"threshold": 0.7}, 0.7),
        (0.7, {}, 0.7),  # fixed before, not evaluated
        ("validation", {}, None),
        (None, {}, None),
    ],
)
def test_threshold(knob, metrics, expected):
    assert TrainedRun(Path("run"), {"threshold": knob}, metrics=metrics).threshold == expected


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [({"volume": {"max": {"threshold": 0.6}, "noisy_or": {"threshold": 0.9}}}, 0.6), ({"threshold": 0.3}, None)],
)
def test_threshold_of_a_volume_is_that_of_its_highest_slice(metrics, expected):
    assert TrainedRun(Path("run"), {}, metrics=metrics).volume_threshold == expected


@pytest.mark.parametrize("metrics", [{"map_scale": [0.1, 0.2]}, {"map_scale": None}, {}])
def test_the_color_scale_is_that_of_the_evaluation(metrics):
    assert TrainedRun(Path("run"), {}, metrics=metrics).map_scale == metrics.get("map_scale")


@pytest.mark.parametrize(
    ("knob", "metrics", "expected"),
    [
        ("validation", {"slice_smoothing": 1.5}, 1.5),
        ("validation", {}, None),
        (2.0, {}, 2.0),
        (2.0, {"slice_smoothing": None}, None),  # what was scored counts
        (None, {}, None),
    ],
)
def test_the_smoothing_is_that_of_the_evaluation(knob, metrics, expected):
    assert TrainedRun(Path("run"), {"slice_smoothing": knob}, metrics=metrics).slice_smoothing == expected


def test_a_position_that_no_evaluation_fitted_is_refused():
    with pytest.raises(ValueError, match=r"run must hold metrics\.json, whose slice_position the evaluation fits"):
        TrainedRun(Path("run"), {"slice_position": 0.5}).slice_position  # noqa: B018
    assert TrainedRun(Path("run"), {"slice_position": 0}).slice_position is None
    assert TrainedRun(Path("run"), {"slice_position": 0.5}, metrics={"slice_position": None}).slice_position is None


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "run.json", "metrics.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.pt").touch()
    return tmp_path


def test_scores_of_another_split_are_refused(folder):
    for name, split_hash in (("run", "a" * 64), ("metrics", "b" * 64)):
        (folder / f"{name}.json").write_text(json.dumps({"split_hash": split_hash, "completed": "now"}))
    with pytest.raises(ValueError, match=f"split {'a' * 12}, .* got {'b' * 12}: evaluate the run again"):
        TrainedRun.read(folder)


def test_a_run_without_record_and_scores_can_be_read(folder):
    (folder / "run.json").unlink()
    (folder / "metrics.json").unlink()
    run = TrainedRun.read(folder)
    assert (run.record, run.metrics) == ({}, {})


@pytest.mark.filterwarnings("error")
def test_a_run_that_has_not_ended_is_warned_of(folder):
    TrainedRun.read(folder)  # without a record nobody knows
    (folder / "run.json").write_text(json.dumps({"started": "now"}))
    with pytest.raises(UserWarning, match="the training has not ended"):
        TrainedRun.read(folder)


def test_scores_of_other_weights_are_refused(folder):
    (folder / "run.json").write_text("{}")
    scored = hashlib.sha256((folder / "model.pt").read_bytes()).hexdigest()
    (folder / "metrics.json").write_text(json.dumps({"weights_sha256": scored}))
    TrainedRun.read(folder).require_own_scores()
    (folder / "model.pt").write_bytes(b"of another epoch")
    with pytest.raises(ValueError, match=r"metrics\.json must hold scores of model\.pt, got those of other weights"):
        TrainedRun.read(folder).require_own_scores()


def validated(folder, probability, label):
    names = np.repeat(["a", "b"], 3)
    probability = np.asarray(probability)
    write_predictions(
        folder / "validation_predictions.csv",
        Predictions(names, names, names, np.tile(np.arange(3), 2), np.asarray(label), probability),
    )


def test_the_calibration_of_labels_is_fitted_to_validation_slices(tmp_path):
    assert TrainedRun(tmp_path, {}).label_calibration is None
    validated(tmp_path, [0.6, 0.6, 0.9] * 2, [0, 0, 1] * 2)
    found = TrainedRun(tmp_path, {}, metrics={"input_profile": {"version": 1}}).input_profile["label_calibration"]
    assert set(found) <= {"slope", "bias"}
    assert found["bias"] < 0  # they are called positive too often
    assert TrainedRun(tmp_path, {}, metrics={"score_calibration": {"bias": 1.0}}).label_calibration is None


@pytest.mark.parametrize(
    ("probability", "label"), [([0.5] * 6, [-1] * 6), ([[0.5, 0.25, 0.25]] * 6, [0, 1, 2, 0, 1, 2])]
)
def test_without_labels_and_of_several_classes_none_is_fitted(tmp_path, probability, label):
    validated(tmp_path, probability, label)
    assert TrainedRun(tmp_path, {}).label_calibration is None
