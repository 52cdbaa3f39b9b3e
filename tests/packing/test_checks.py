"""Files that are no weights, and metadata of another network."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from bundle.networks import SliceViT
from bundle.packing import require_fit, require_no_machine_paths

SIZES = {"image_size": 16, "patch_size": 8, "in_channels": 2, "hidden_size": 8, "num_layers": 1, "num_heads": 2}
CONFIG = {"network_def": {"_target_": "bundle.networks.SliceViT", "_requires_": "$1 / 0", **SIZES}}


def metadata(channels=2, size=16, classes=1):
    image, pred = {"num_channels": channels, "spatial_shape": [size, size]}, {"num_channels": classes}
    return {"network_data_format": {"inputs": {"image": image}, "outputs": {"pred": pred}}}


@pytest.fixture
def weights(tmp_path):
    torch.save(SliceViT(**SIZES).state_dict(), tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_what_fits_passes(weights):
    require_fit(CONFIG, weights, metadata())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": 3}, r"image must be .*got \[1, 3, 16, 16\]"),
        ({"size": 32}, r"image must be .*got \[1, 2, 32, 32\]"),
        ({"classes": 2}, r"must return \(1, 2\) .* got \(1, 1\)"),
    ],
)
def test_metadata_of_another_network_is_refused(weights, wrong, message):
    with pytest.raises(ValueError, match=message):
        require_fit(CONFIG, weights, metadata(**wrong))


class Opened:
    """A pickle of this would make a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_is_not_run(weights, tmp_path):
    torch.save({"model": Opened(tmp_path / "opened")}, weights)
    with pytest.raises(ValueError, match="got a pickle that could run code"):
        require_fit(CONFIG, weights, metadata())
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps([1])])
def test_a_damaged_file_is_refused(weights, content):
    weights.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.pt must be a"):
        require_fit(CONFIG, weights, metadata())


def test_a_training_checkpoint_is_refused(weights):
    torch.save({"model": SliceViT(**SIZES).state_dict(), "progress": {"epoch": 1}}, weights)
    with pytest.raises(ValueError, match=r"got a checkpoint: pack the model\.pt"):
        require_fit(CONFIG, weights, metadata())


def test_weights_that_are_not_finite_are_refused(weights):
    state = torch.load(weights, weights_only=True)
    next(iter(state.values())).fill_(float("nan"))
    torch.save(state, weights)
    with pytest.raises(ValueError, match=r"must hold finite weights, got NaN or infinity in 1 of \d+, e\.g\. "):
        require_fit(CONFIG, weights, metadata())


PLACES = ["/data/brats", "C:\\data", "D:/data", "sqlite:////runs/a.db", "$open('/data/list.json')", '$f("/a/b", @x)']
OTHERS = [
    "@dataset_dir",
    "$@dataset_dir + '/list.json'",
    "$r+'/x'",
    "**/{case}/{case}_{channel}",
    "scans/a.nii",
    "^T/[^_]+",
]


@pytest.mark.parametrize("text", PLACES)
def test_places_are_refused_by_id(text):
    with pytest.raises(ValueError) as error:
        require_no_machine_paths({"a": [1, {"b": text}]}, "config.json")
    assert str(error.value).startswith("config.json must name no paths of this machine, got a#1#b ")


@pytest.mark.parametrize("text", OTHERS)
def test_other_texts_pass(text):
    require_no_machine_paths({"a": [text, None, 3]}, "config.json")


def test_all_places_are_listed():
    with pytest.raises(ValueError, match=r"a '/x', b#0 '/y'"):
        require_no_machine_paths({"a": "/x", "b": ["/y"]}, "config.json")


@pytest.mark.parametrize("name", ["train", "inference", "evaluate", "multi_gpu_train"])
def test_the_repository_s_configs_pass(name):
    require_no_machine_paths(json.loads((ROOT / f"configs/{name}.json").read_text()), name)
