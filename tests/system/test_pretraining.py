"""A pretraining looks at no label and at no patient that is held out; a training starts from it."""

import hashlib

import pytest
import torch
from support.bundle import record, refused, run, train

from bundle.handlers import read_history


@pytest.fixture(scope="module")
def pretrained(phantoms, tmp_path_factory):
    return train(phantoms, tmp_path_factory.mktemp("pretraining"), "pretrain.json", pretraining_epochs=1)


def test_a_training_starts_from_a_pretraining(phantoms, pretrained, tmp_path):
    weights = pretrained / "model.pt"
    assert {"loss", "validation_loss"} <= read_history(pretrained)[0].keys()
    assert "completed" in record(pretrained)

    train(phantoms, tmp_path, initial_weights=weights, max_epochs=1, learning_rate=1e-12, min_learning_rate=0)

    assert record(tmp_path)["initial_weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    start, end = torch.load(weights), torch.load(tmp_path / "model.pt")
    assert torch.equal(start["encoder.blocks.1.norm1.weight"], end["blocks.1.norm1.weight"])


def test_a_pretraining_is_no_classifier(phantoms, pretrained):
    with refused(
        "must hold weights of this network, got others .*: they are of a pretraining, so train from them by init"
    ):
        run(pretrained / "config.json", "evaluate.json")


def test_weights_that_saw_held_out_patients_are_refused(phantoms, pretrained, tmp_path):
    with refused(r"model\.pt must come from a training without the \d+ cases that are held out, got"):
        train(phantoms, tmp_path, initial_weights=pretrained / "model.pt", split_seed=1)


def test_weights_of_another_number_of_heads_are_refused(phantoms, pretrained, tmp_path):
    with refused(r"initial_weights must be those of this network, got others \(num_heads 2, here 4\)"):
        train(phantoms, tmp_path, initial_weights=pretrained / "model.pt", num_heads=4)


def test_a_file_that_does_not_fit_and_two_files_are_refused(phantoms, tmp_path):
    torch.save({"blocks.0.norm1.weight": torch.ones(8)}, tmp_path / "vit.pth")
    with refused(r"vit\.pth must hold transformer blocks that fit this network"):
        train(phantoms, tmp_path / "run", pretrained=tmp_path / "vit.pth")
    with refused(r"pretrained must be null beside initial_weights"):
        train(phantoms, tmp_path / "run", pretrained=tmp_path / "vit.pth", initial_weights=tmp_path / "vit.pth")
