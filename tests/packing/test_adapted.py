"""A run is adapted to scans, packed with what was found, and infers by it."""

import csv
import json
import runpy
import shutil
import sys
import zipfile

import numpy as np
import pytest
import yaml
from conftest import ROOT
from monai.bundle import ConfigParser
from support.bundle import DEMO, TINY, infer

from bundle.adaptation import adapt, score_scans
from bundle.evaluation import read_predictions
from bundle.packing import pack_bundle, packed_metadata
from bundle.probabilities import SliceProbabilities


@pytest.fixture
def labels(phantoms, tmp_path):
    """A CSV that calls one slice of the first scan positive, another negative."""
    file = tmp_path / "labels.csv"
    file.write_text("case,slice_index,class\nphantom_000,2,1\nphantom_000,3,0\n")
    return file


def adapted(run, data, output, monkeypatch, *options):
    words = ["adapt.py", run, "--dataset_dir", data, "--output_dir", output, *options]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    monkeypatch.setattr(sys, "path", [*sys.path])
    runpy.run_path(str(ROOT / "scripts/adapt.py"), run_name="__main__")


def test_masks_beside_the_scans_are_labels_and_the_simulation_tells_their_worth(
    run_folder, phantoms, tmp_path, source, monkeypatch
):
    adapted(run_folder, phantoms, tmp_path / "out", monkeypatch, "--position")
    overlay = tmp_path / "out/adapted.yaml"
    knobs, report = yaml.safe_load(overlay.read_text()), json.loads((tmp_path / "out/adaptation.json").read_text())
    assert (report["scans"], report["labeled"]) == (8, 8)
    assert list(report["scores"]) == [
        "position alone, at 0.5", "as it was trained", "0 labeled patients", "5 labeled patients",
    ]  # fmt: skip
    assert {"alignment", "slope", "bias", "position"} == set(knobs["score_calibration"])
    assert knobs["threshold"] == pytest.approx(report["threshold"])

    with zipfile.ZipFile(pack_bundle(run_folder, tmp_path / "a.zip", source, overlay)) as file:
        packed = json.loads(file.read("lgm_vit/configs/inference.json"))
    # another threshold, given when the bundle is run, serves volumes too
    volumes = f"${knobs['volume_threshold']!r} if @threshold == {knobs['threshold']!r} else @threshold"
    assert {name: packed[name] for name in knobs} == {**knobs, "volume_threshold": volumes}

    results = infer(phantoms, run_folder / "model.pt", tmp_path / "results", DEMO, TINY, overlay)
    scores = read_predictions(tmp_path / "out/scores.csv")
    expected = SliceProbabilities(calibration=knobs["score_calibration"]).of(scores)
    with (results / "phantom_003/slices.csv").open(newline="") as file:
        ours = [float(row["probability"]) for row in csv.DictReader(file)]
    theirs = expected.probability[expected.case == "phantom_003"]
    assert ours == pytest.approx(theirs, abs=0.02)  # the store of the run holds half precision


def test_a_csv_of_some_scans_is_all_that_counts(run_folder, phantoms, labels, tmp_path):
    overlay = adapt(run_folder, phantoms, tmp_path / "out", labels)
    scores = read_predictions(tmp_path / "out/scores.csv")
    known = scores.label >= 0
    assert (scores.case[known].tolist(), scores.label[known].tolist()) == (["phantom_000"] * 2, [1, 0])
    report = json.loads((tmp_path / "out/adaptation.json").read_text())
    assert (report["labeled"], report["scores"]) == (1, {})
    assert "8 scans of another hospital, 1 of them labeled" in overlay.read_text()


def test_one_scan_of_a_hospital_is_scored_though_it_cannot_be_split(run_folder, phantoms, tmp_path):
    shutil.copytree(phantoms / "phantom_003", tmp_path / "scans/phantom_003")
    shutil.copy(phantoms / "cases.csv", tmp_path / "scans")
    scores = score_scans(run_folder, tmp_path / "scans", tmp_path / "out")
    assert set(scores.case) == {"phantom_003"}


def test_an_adaptation_of_other_networks_is_not_packed(run_copy, phantoms, labels, source, tmp_path):
    """As that of another run, or of this one before its training went on or its evaluation took an ensemble."""
    overlay = adapt(run_copy, phantoms, tmp_path / "out", labels)
    pack_bundle(run_copy, tmp_path / "a.zip", source, overlay)
    record = tmp_path / "out/adaptation.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "weights_sha256": "0" * 64}))
    with pytest.raises(ValueError, match="must be the adaptation of the networks that are packed, got that of others"):
        pack_bundle(run_copy, tmp_path / "b.zip", source, overlay)
    assert not (tmp_path / "b.zip").exists()
    record.unlink()
    with pytest.warns(UserWarning, match=r"adaptation\.json does not tell of which networks"):
        pack_bundle(run_copy, tmp_path / "c.zip", source, overlay)


def test_scans_that_the_run_was_trained_on_are_warned_of(run_folder, phantoms, labels, tmp_path, caplog):
    adapt(run_folder, phantoms, tmp_path / "out", labels)
    trained = len(json.loads((run_folder / "split.json").read_text())["train"])
    assert f"{trained} of 8 scans have the names of cases that {run_folder}/split.json calls training" in caplog.text


def test_an_overlay_of_a_threshold_alone_serves_volumes_and_the_card_says_so(run_folder, source, tmp_path):
    (tmp_path / "mine.yaml").write_text("threshold: 0.125\n")
    with zipfile.ZipFile(pack_bundle(run_folder, tmp_path / "a.zip", source, tmp_path / "mine.yaml")) as file:
        packed = ConfigParser(json.loads(file.read("lgm_vit/configs/inference.json")))
        card = file.read("lgm_vit/docs/README.md").decode()
    assert packed.get_parsed_content("volume_threshold") == packed["threshold"] == 0.125
    assert "0.125, a volume where its highest slice has 0.125" in " ".join(card.split())


def test_without_labels_scores_are_aligned_and_thresholds_stay(run_folder, phantoms, labels, tmp_path):
    labels.write_text("case,slice_index,class\n")
    knobs = yaml.safe_load(adapt(run_folder, phantoms, tmp_path / "out", labels).read_text())
    metrics = json.loads((run_folder / "metrics.json").read_text())
    assert list(knobs["score_calibration"]) == ["alignment"]
    assert knobs["threshold"] == pytest.approx(metrics["threshold"])
    assert knobs["volume_threshold"] == pytest.approx(metrics["volume"]["max"]["threshold"])
    old, new = knobs["score_calibration"]["alignment"]
    assert np.all(np.diff(old) > 0)
    assert len(old) == len(new)


def test_the_threshold_of_labels_follows_the_beta_of_the_run(run_copy, phantoms, labels, tmp_path):
    metrics = json.loads((run_copy / "metrics.json").read_text())
    thresholds = []
    for beta in (None, 1.0, 0.05):  # None where the run's threshold was given
        (run_copy / "metrics.json").write_text(json.dumps({**metrics, "threshold_beta": beta}))
        knobs = yaml.safe_load(adapt(run_copy, phantoms, tmp_path / f"beta {beta}", labels).read_text())
        thresholds.append(knobs["threshold"])
    assert thresholds[0] == thresholds[1] < thresholds[2]


def test_a_run_that_counts_the_position_is_adapted_with_it(run_copy, phantoms, labels, tmp_path):
    metrics = json.loads((run_copy / "metrics.json").read_text())
    position = {"bias": 0.5, "position": [0.25, -2.0]}
    labels.write_text("case,slice_index,class\n")
    adapt(run_copy, phantoms, tmp_path / "plain", labels)
    (run_copy / "metrics.json").write_text(json.dumps({**metrics, "slice_position": position}))
    knobs = yaml.safe_load(adapt(run_copy, phantoms, tmp_path / "out", labels).read_text())
    assert knobs["slice_position"] == position
    plain, scores = (read_predictions(tmp_path / name / "scores.csv") for name in ("plain", "out"))
    np.testing.assert_allclose(
        scores.probability, SliceProbabilities(position=position).of(plain).probability, atol=1e-5
    )
    with pytest.raises(ValueError, match="must be a run without slice_position, got one that counts it"):
        adapt(run_copy, phantoms, tmp_path / "out", labels, position=True)


def test_what_cannot_be_adapted_is_refused(run_copy, phantoms, labels, tmp_path, monkeypatch):
    labels.write_text("case,slice_index,class\nphantom_99,2,1\n")
    with pytest.raises(ValueError, match="cases must be some of the scans, got phantom_99"):
        score_scans(run_copy, phantoms, tmp_path, labels)
    labels.write_text("case,slice_index,class\nphantom_000,2,1\nphantom_000,2,0\n")
    with pytest.raises(ValueError, match="must name each slice once, got slice 2 again"):
        score_scans(run_copy, phantoms, tmp_path, labels)
    labels.write_text("case,slice,label\n")
    with pytest.raises(ValueError, match="must have the columns case,slice_index,class, got case,slice,label"):
        score_scans(run_copy, phantoms, tmp_path, labels)
    metrics = json.loads((run_copy / "metrics.json").read_text())
    (run_copy / "metrics.json").write_text(json.dumps({**metrics, "weights_sha256": "0" * 64}))
    with pytest.raises(ValueError, match=r"must hold scores of model\.pt, got those of other weights"):
        score_scans(run_copy, phantoms, tmp_path)
    (run_copy / "metrics.json").write_text(json.dumps(metrics))
    (run_copy / "validation_predictions.csv").unlink()
    with pytest.raises(FileNotFoundError, match="must hold the scores of validation slices, got no file"):
        adapt(run_copy, phantoms, tmp_path)
    (run_copy / "metrics.json").write_text(json.dumps({**metrics, "score_calibration": {"bias": 1.0}}))
    with pytest.raises(ValueError, match="must hold scores of the run as it is, got calibrated ones"):
        adapt(run_copy, phantoms, tmp_path)
    (run_copy / "metrics.json").unlink()
    with pytest.raises(SystemExit, match=r"error: .*must hold metrics\.json, got no such file"):
        adapted(run_copy, phantoms, tmp_path, monkeypatch)


def test_the_packed_bundle_tells_that_it_was_adapted(run_folder, phantoms, labels, source, tmp_path):
    overlay = adapt(run_folder, phantoms, tmp_path / "out", labels)
    made = json.loads((tmp_path / "out/adaptation.json").read_text())["made"]
    with zipfile.ZipFile(pack_bundle(run_folder, tmp_path / "a.zip", source, overlay)) as file:
        metadata = json.loads(file.read("lgm_vit/configs/metadata.json"))
        card = " ".join(file.read("lgm_vit/docs/README.md").decode().split())
    assert metadata["adaptation"] == {"made": made, "scans": 8, "labeled": 1}
    assert f"adapted to 8 scans of another hospital, 1 of them labeled, on {made[:10]}." in card
    assert "both were chosen on validation patients" not in card
    assert "adaptation" not in packed_metadata(
        yaml.safe_load((run_folder / "config.json").read_text()), metadata, {}, 0.5
    )
    with zipfile.ZipFile(pack_bundle(run_folder, tmp_path / "b.zip", source)) as file:
        assert "adaptation" not in json.loads(file.read("lgm_vit/configs/metadata.json"))
