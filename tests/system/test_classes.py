"""Three classes go through training, evaluation and inference."""

import csv
import json

import numpy as np
import pytest
import torch
from support.bundle import DATALIST, evaluate, infer, record, train
from support.volumes import noise, square_mask, write_datalist


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eight cases: class 1 in slice 1, class 2 in slices 2 and 3; the image shows the class."""
    cases = []
    for number in range(8):
        mask = square_mask(slices=[1]) + square_mask(slices=[2, 3], value=2)
        cases.append((noise(number) + 3 * mask[..., None], mask))
    return write_datalist(tmp_path_factory.mktemp("classes") / "data", cases)


def test_three_classes_train_evaluate_and_infer(data, tmp_path):
    settings = {"dataset": DATALIST, "num_classes": 3, "max_epochs": 1}
    run = train(data, tmp_path / "run", **settings)
    metrics = evaluate(data, run, **settings)
    results = infer(data / "case_0.nii.gz", run / "model.pt", tmp_path / "results", num_classes=3)

    assert record(run)["metrics"]["localization_loss"] > 0
    assert torch.load(run / "model.pt", weights_only=True)["head.weight"].shape[0] == 3
    assert 0 <= metrics["slice"]["accuracy"] <= 1
    json.dumps(metrics, allow_nan=False)
    for file in (run / "predictions.csv", results / "case_0" / "slices.csv"):
        with file.open(newline="") as table:
            rows = list(csv.DictReader(table))
        each = np.array([[float(row[f"probability_{k}"]) for k in range(3)] for row in rows])
        np.testing.assert_allclose(each.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose([float(row["probability"]) for row in rows], 1 - each[:, 0], atol=1e-5)
    with (run / "predictions.csv").open(newline="") as table:
        labels = {(row["slice"], row["label"]) for row in csv.DictReader(table)}
    assert labels == {("0", "0"), ("1", "1"), ("2", "2"), ("3", "2"), ("4", "0")}
