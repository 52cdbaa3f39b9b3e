"""A training looks at its labels before the first epoch."""

import json
import logging

import pytest
from support.bundle import tiny_bundle
from support.datasets import LAYOUTS


def test_training_without_labels_is_refused(tmp_path):
    LAYOUTS["datalist"](tmp_path / "data")
    path = tmp_path / "data/datalist.json"
    entries = json.loads(path.read_text())["training"]
    path.write_text(json.dumps([{key: value for key, value in entry.items() if key != "label"} for entry in entries]))
    parser = tiny_bundle("train", ["datasets/datalist"], tmp_path, split_fractions=[0.8, 0.2, 0.0])
    with pytest.raises(ValueError, match="the training part must hold cases with labels, got 4 cases: masks 0"):
        parser.get_parsed_content("train#trainer").run()


def test_an_empty_training_part_is_refused(tmp_path):
    LAYOUTS["datalist"](tmp_path / "data")
    parser = tiny_bundle("train", ["datasets/datalist"], tmp_path, split_fractions=[0.0, 0.5, 0.5])
    with pytest.raises(RuntimeError) as told:
        parser.get_parsed_content("train#trainer")
    assert "the training part must hold cases with labels, got no cases" in str(told.value.__cause__)


UNET = {"image_size": 32, "split_fractions": [1.0, 0.0, 0.0]}


def test_cases_that_cannot_train_a_network_of_masks_are_counted(tmp_path, caplog):
    LAYOUTS["demo"](tmp_path / "data")
    parser = tiny_bundle("train", ["datasets/demo", "methods/unet"], tmp_path, supervised_cases=0.4, **UNET)
    with caplog.at_level(logging.INFO):
        parser.get_parsed_content("train#trainer").run()
    assert "3 of 5 training cases are left out: this network learns from masks alone." in caplog.text


def test_a_network_of_masks_without_any_is_refused(tmp_path):
    LAYOUTS["datalist"](tmp_path / "data")  # slice labels
    parser = tiny_bundle("train", ["datasets/datalist", "methods/unet"], tmp_path, **UNET)
    with pytest.raises(RuntimeError) as told:
        parser.get_parsed_content("train#trainer")
    found = str(told.value.__cause__)
    assert "must hold cases whose masks supervise (supervised_only), got 5 cases: masks 0, slice labels 5" in found


def test_kinds_of_labels_are_told(tmp_path, caplog):
    LAYOUTS["datalist"](tmp_path / "data")
    parser = tiny_bundle("train", ["datasets/datalist"], tmp_path, split_fractions=[1.0, 0.0, 0.0])
    trainer = parser.get_parsed_content("train#trainer")
    with caplog.at_level(logging.INFO):
        trainer.run()
    assert "training: 5 cases: masks 0, slice labels 5, no labels 0; 15 of 20 labeled slices positive." in caplog.text
    assert "there are no validation cases" in caplog.text
