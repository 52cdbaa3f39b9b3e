"""Whole runs on the device: resume, evaluation, inference, and weights that open without a GPU."""

import csv
import shutil

import nibabel
import numpy as np
import pytest
import torch
from support.bundle import DEMO, TINY, TRAINING, checkpoint, ended, evaluate, flat, infer, overlay, start, train

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

CASE = "phantom_000"
KILL = {"_target_": "support.probes.KillAtIteration", "iteration": 13}
SINGLE, HALF = 1e-3, 0.03


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def losses(run):
    return np.array([[float(row[name]) for name in ("loss", "validation_loss")] for row in rows(run / "history.csv")])


def test_a_killed_run_goes_on_as_if_nothing_had_happened(device, phantoms, tmp_path):
    """Dropout draws the same numbers again; a GPU adds gradients in changing order, so not to the bit."""
    settings = {"device": str(device), "amp": False}
    whole, killed = train(phantoms, tmp_path / "whole", **settings), tmp_path / "killed"
    killed.mkdir()
    folders = {"dataset_dir": phantoms, "output_dir": killed, "cache_dir": phantoms.parent / "cache"}
    killer = overlay(tmp_path, **{"+train#handlers": [KILL]})
    assert ended(start("train.json", DEMO, TINY, killer, **folders, **TRAINING, **settings))[0] == -9
    assert 0 < checkpoint(killed)["progress"]["epoch"] < 3
    train(phantoms, killed, resume=True, **settings)
    np.testing.assert_allclose(losses(killed), losses(whole), rtol=SINGLE)


@pytest.fixture
def trained(device, phantoms, tmp_path):
    """A run on the device in the precision of its config."""
    return train(phantoms, tmp_path / "run", device=str(device), learning_rate=3e-3)


def test_weights_lie_on_the_cpu(trained):
    weights = torch.load(trained / "model.pt", weights_only=True)
    assert {tensor.device.type for tensor in weights.values()} == {"cpu"}
    assert all(tensor.isfinite().all() for tensor in weights.values())


def test_evaluation_is_that_of_the_cpu(trained, device, phantoms):
    settings = {"learning_rate": 3e-3, "amp": False, "threshold": 0.5}
    expected = flat(evaluate(phantoms, trained, device="cpu", **settings))
    probabilities = [float(row["probability"]) for row in rows(trained / "predictions.csv")]
    found = flat(evaluate(phantoms, trained, device=str(device), **settings))
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows(trained / "predictions.csv")], probabilities, atol=SINGLE
    )
    for name in ("/slice/average_precision", "/map/energy_ratio"):
        assert found[name] == pytest.approx(expected[name], abs=0.01)


@pytest.mark.parametrize(("amp", "tolerance"), [(False, SINGLE), (True, HALF)])
def test_inference_is_that_of_the_cpu(trained, device, phantoms, tmp_path, amp, tolerance):
    if amp and device.type == "cpu":
        pytest.skip("MONAI's mixed precision is that of a GPU")
    shutil.copytree(phantoms / CASE, tmp_path / "scans" / CASE)
    given = (tmp_path / "scans", trained / "model.pt")
    expected = infer(*given, tmp_path / "cpu", DEMO, TINY, device="cpu", amp=False) / CASE
    found = infer(*given, tmp_path / "device", DEMO, TINY, device=str(device), amp=amp) / CASE
    probabilities = [[float(row["probability"]) for row in rows(place / "slices.csv")] for place in (found, expected)]
    np.testing.assert_allclose(*probabilities, atol=tolerance)
    ours, theirs = (nibabel.load(place / "attribution.nii.gz").get_fdata() for place in (found, expected))
    np.testing.assert_allclose(ours, theirs, atol=tolerance * np.abs(theirs).max())
