"""What inference takes over from training, and what it keeps."""

import json

import pytest
from conftest import ROOT

from bundle.packing import packed_inference
from bundle.packing.configs import references

TRAIN, INFERENCE = (json.loads((ROOT / f"configs/{name}.json").read_text()) for name in ("train", "inference"))


def test_defaults_give_the_defaults_with_training_s_network():
    packed = packed_inference(TRAIN, INFERENCE)
    assert packed.pop("network_def") == TRAIN["network_def"]
    assert packed.pop("identical_blocks") is False  # the network refers to it
    assert packed == {name: value for name, value in INFERENCE.items() if name != "network_def"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("in_channels", 1),
        ("normalize", "none"),
        ("batch_size", 4),
        ("attribution", {"_target_": "bundle.attribution.Rollout"}),
        ("preprocessing", {"_target_": "Compose", "transforms": []}),
    ],
)
def test_what_both_know_comes_from_training(name, value):
    assert packed_inference({**TRAIN, name: value}, INFERENCE)[name] == value


@pytest.mark.parametrize(
    "name", ["dataset_dir", "output_dir", "device", "finder", "run", "initialize", "threshold", "volume_threshold"]
)
def test_what_is_shared_by_name_only_stays(name):
    assert packed_inference({**TRAIN, name: "training's"}, INFERENCE)[name] == INFERENCE[name]


def test_references_are_followed_to_their_end():
    train = {"attribution": {"_target_": "A", "weight": "$@one * 2"}, "one": "@two#part", "two": {"part": 3}, "four": 4}
    packed = packed_inference(train, {"attribution": None, "threshold": 0.5}, threshold=0.25)
    del train["four"]  # nothing refers to it
    assert packed == {**train, "threshold": 0.25}


def test_both_thresholds_are_the_run_s():
    assert packed_inference(TRAIN, INFERENCE, 0.25)["volume_threshold"] == "@threshold"
    packed = packed_inference(TRAIN, INFERENCE, 0.25, 0.75)
    assert (packed["threshold"], packed["volume_threshold"]) == (0.25, 0.75)


def test_references_of_a_config():
    config = {"a": "@x", "b": ["$@y#0 + @z::w", {"c": "me@example.org"}], "d": 3}
    assert list(references(config)) == ["x", "y", "z"]
