"""predictions.csv and metrics.json."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bundle.evaluation import read_predictions, write_predictions
from bundle.files import write_csv, write_json
from bundle.metrics import Interval, Predictions


def some(probability):
    return Predictions(
        case=np.array(["a", 'b, "quoted"', "ü"]),
        patient=np.array(["p1", "p1", "p2"]),
        site=np.array(["x", "y", "y"]),
        slice_index=np.array([0, 7, 3]),
        label=np.array([1, -1, 0]),
        probability=probability,
    )


@pytest.mark.parametrize(
    "probability",
    [np.random.default_rng(0).random(3), np.float32([0.1, 1e-30, 1]), np.random.default_rng(0).dirichlet([1, 1, 1], 3)],
    ids=["float64", "float32", "three classes"],
)
def test_every_digit_comes_back(probability, tmp_path):
    before = some(probability)
    after = read_predictions(write_predictions(tmp_path / "predictions.csv", before))
    for name in ("case", "patient", "site", "slice_index", "label", "probability"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))


def test_the_file_itself(tmp_path):
    lines = write_predictions(tmp_path / "p.csv", some(np.array([0.25, 0.5, 1.0]))).read_text().splitlines()
    assert lines[:3] == ["case,slice,label,probability,patient,site", "a,0,1,0.25,p1,x", '"b, ""quoted""",7,,0.5,p1,y']


def test_several_classes_add_columns(tmp_path):
    file = write_predictions(tmp_path / "p.csv", some(np.array([[0.75, 0.25, 0.0]] * 3)))
    header, first = file.read_text().splitlines()[:2]
    assert header.endswith("site,probability_0,probability_1,probability_2")
    assert first == "a,0,1,0.25,p1,x,0.75,0.25,0.0"


def test_maps_and_position_come_back(tmp_path):
    plain = some(np.array([0.25, 0.5, 1.0]))
    curve = np.array([[0.1, 0.2], [np.nan, np.nan], [0.3, 0.4]])
    before = replace(
        plain,
        map_scores={"iou": curve, "pointing_game": np.array([1.0, np.nan, 0.0])},
        prior_map_scores={"iou": curve},
        position_only=np.array([0.5, 0.25, 0.125]),
    ).with_iou_at(1, 0)
    after = read_predictions(write_predictions(tmp_path / "p.csv", before))
    np.testing.assert_array_equal(after.map_scores["iou"], [0.2, np.nan, 0.4])
    np.testing.assert_array_equal(after.prior_map_scores["iou"], [0.1, np.nan, 0.3])
    np.testing.assert_array_equal(after.map_scores["pointing_game"], [1, np.nan, 0])
    np.testing.assert_array_equal(after.position_only, before.position_only)
    assert read_predictions(write_predictions(tmp_path / "q.csv", plain)).position_only is None


def test_names_that_look_like_numbers_or_gaps_stay_text(tmp_path):
    names = np.array(["007", "NA", "nan"])
    before = replace(some(np.array([0.25, 0.5, 1.0])), case=names, patient=names, site=names)
    after = read_predictions(write_predictions(tmp_path / "p.csv", before))
    for column in (after.case, after.patient, after.site):
        np.testing.assert_array_equal(column, names)


def test_no_slices(tmp_path):
    empty = some(np.array([0.25, 0.5, 1.0])).select(np.zeros(0, int))
    assert len(read_predictions(write_predictions(tmp_path / "p.csv", empty))) == 0


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "p.csv").write_text("case,slice,label\n")
    with pytest.raises(ValueError, match=r"\['probability', 'patient', 'site'\] are missing"):
        read_predictions(tmp_path / "p.csv")


def test_a_row_with_another_key_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"keys of the rows must be among \['a'\], got \['b'\]"):
        write_csv(tmp_path / "a.csv", [{"b": 1}], columns=["a"])
    assert not list(tmp_path.iterdir())


def test_json_is_strict(tmp_path):
    content = {
        "auroc": np.float32("nan"),
        "bound": float("inf"),
        "interval": Interval(0.5, float("nan"), 10),
        "n": np.int64(3),
        "list": [np.array([1.0, np.nan]), (1, 2)],
        "path": tmp_path,
        "word": "ü",
        7: True,
    }
    text = write_json(tmp_path / "m.json", content).read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text) == {
        "auroc": None,
        "bound": None,
        "interval": {"low": 0.5, "high": None, "draws": 10},
        "n": 3,
        "list": [[1.0, None], [1, 2]],
        "path": str(tmp_path),
        "word": "ü",
        "7": True,
    }
