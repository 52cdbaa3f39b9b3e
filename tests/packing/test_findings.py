"""Findings of a run: what is scored is what the packed bundle writes."""

import json

import numpy as np
import pandas as pd
import pytest
from support.bundle import infer

from bundle.detection import VolumesOfRun, score_findings
from bundle.packing.configs import packed_inference
from bundle.packing.trained_run import TrainedRun
from bundle.phantoms import make_phantoms


def test_inference_finds_what_was_scored(run_copy, phantoms, tmp_path):
    metrics = json.loads(score_findings(run_copy, phantoms, n_resamples=5).read_text())
    rule, run = metrics["findings"]["rule"], TrainedRun.read(run_copy)
    assert packed_inference({}, {"finding_rule": None}, **run.read_off)["finding_rule"] == rule

    settings = {name: value for name, value in run.read_off.items() if value is not None}
    output = infer(phantoms, run.weights, tmp_path / "out", "datasets/demo.yaml", "sizes/tiny.yaml", **settings)
    rows = pd.read_csv(run_copy / "findings.csv").query("method == 'findings'")
    for case in json.loads((run_copy / "split.json").read_text())["test"]:
        found = json.loads((output / case / "findings.json").read_text())["findings"]
        scored = rows[(rows["case"] == case) & (rows["score"] > 0)]["score"]
        assert {finding["finding"] for finding in found} == set(range(1, len(found) + 1))
        assert all(np.isclose([finding["score"] for finding in found], score, rtol=1e-4).any() for score in scored)


def test_what_does_not_fit_is_refused(run_copy, change, tmp_path):
    other = make_phantoms(tmp_path / "few", cases=1, shape=(16, 16, 3), progress=False)
    with pytest.raises(ValueError, match=r"must hold the cases of split\.json, got no "):
        VolumesOfRun(TrainedRun.read(run_copy), other)
    with pytest.raises(ValueError, match="must be a run of one class, got 3"):
        VolumesOfRun(TrainedRun.read(change(num_classes=3)), tmp_path)
