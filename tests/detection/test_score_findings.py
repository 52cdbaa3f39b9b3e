"""The rule is chosen on validation volumes, and only applied to test volumes."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bundle.detection import ScoredVolume, VolumesOfRun, score_findings
from bundle.packing.trained_run import TrainedRun


def volume(case, height, *, lesion=True):
    """A scan with a lesion off the center, where the map is `height`, and a false spot of 0.3."""
    volume_map, mask = np.full((16, 16, 4), 0.05, dtype=np.float32), np.zeros((16, 16, 4), dtype=bool)
    volume_map[12:, 12:, 0] = 0.3
    if lesion:
        mask[1:5, 1:5, 1:3] = True
        volume_map[mask] = height
    return ScoredVolume(case, f"patient {case}", volume_map, np.array([0.9, 0.9, 0.9, 0.1]), mask, 10.0)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Set the volumes of a run; return its folder."""

    def run(**parts):
        module = sys.modules[score_findings.__module__]  # its name in the package is the function's
        monkeypatch.setattr(module, "VolumesOfRun", lambda run, data: lambda part: iter(parts[part]))
        metrics = {"threshold": 0.5, "map_scale": [0.0, 1.0], "slice": {"f1": 0.5}}
        monkeypatch.setattr(TrainedRun, "read", lambda folder: SimpleNamespace(metrics=metrics, map_scale=(0.0, 1.0)))
        return tmp_path

    return run


def test_rule_scores_table_and_curve(run, capsys):
    test = [volume("c", 0.8), volume("d", 0.7), volume("e", 0.2), volume("f", 0.9, lesion=False)]
    folder = run(val=[volume("a", 0.6), volume("b", 0.7)], test=test)
    metrics = json.loads(score_findings(folder, "data", n_resamples=20).read_text())
    found = metrics["findings"]
    assert metrics["slice"] == {"f1": 0.5}
    assert found["rule"] == {"map_threshold": 0.1, "minimum_ml": pytest.approx(0.032), "map_scale": [0, 1]}
    assert found["n"] == {"scans": 4, "patients": 4, "lesions": 3}
    assert found["scores"]["sensitivity"] == 1
    assert found["scores"]["false_positives_per_scan"] == 1
    assert found["scores"]["sensitivity_at_0.25"] == pytest.approx(2 / 3)
    prior = found["baselines"]["centre_prior"]
    assert prior["scores"]["average_precision"] < found["scores"]["average_precision"]
    assert prior["difference"]["average_precision"]["value"] > 0
    rows = pd.read_csv(folder / "findings.csv")
    assert list(rows) == ["method", "case", "patient", "score", "is_lesion", "iou"]
    assert (rows["method"] == "findings").sum() == 3 + 4
    assert Image.open(folder / "froc.png").size[0] > 100


def test_equal_thresholds_are_told_apart_by_overlap(run):
    blurred = volume("a", 0.8)
    blurred.volume_map[1:7, 1:7, 1:3] = np.maximum(blurred.volume_map[1:7, 1:7, 1:3], 0.45)
    rule = json.loads(score_findings(run(val=[blurred], test=[volume("b", 0.8)]), "data", n_resamples=5).read_text())
    assert rule["findings"]["rule"]["map_threshold"] == 0.5


@pytest.mark.parametrize(("part", "name"), [("val", "validation"), ("test", "test")])
def test_masks_without_a_lesion_are_refused(run, part, name):
    parts = {"val": [volume("a", 0.8)], "test": [volume("b", 0.8)], part: [volume("c", 0.8, lesion=False)]}
    with pytest.raises(ValueError, match=f"{name} cases must have a lesion in a mask, got none"):
        score_findings(run(**parts), "data")


def test_a_run_that_is_not_evaluated_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold metrics\.json and split\.json"):
        VolumesOfRun(TrainedRun(tmp_path, {}, metrics={"threshold": 0.5}), "data")
