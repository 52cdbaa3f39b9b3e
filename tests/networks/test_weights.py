"""Whatever is given as weights and is none is named: file, what it is, what to do."""

import os

import pytest
import torch
from torch import nn

from bundle.networks import SliceDenseNet, SliceUNet, SliceViT, load_weights, read_tensors, read_weights

SIZES = {"image_size": 32, "patch_size": 8, "hidden_size": 16, "num_layers": 2, "num_heads": 2}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(SliceViT(**SIZES).state_dict(), path)
    return path


def flipped(content):
    """One byte of a weight; torch reads it without a word."""
    place = content.index(bytes(64), 3000)
    return content[: place + 32] + b"\x41" + content[place + 33 :]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda content: b"", "an empty file: copy or download it again"),
        (lambda content: content[:-100], "a truncated or damaged file"),
        (lambda content: content[:10], "a truncated or damaged file"),
        (flipped, "a truncated or damaged file"),
        (lambda content: b"\n<!DOCTYPE html>", "an HTML page: download the file itself"),
        (
            lambda content: b"version https://git-lfs.github.com/spec/v1",
            "a Git LFS pointer: fetch the file by `git lfs",
        ),
        (lambda content: b"\x1f\x8b\x08", "a gzip archive: unpack it"),
        (lambda content: b"hello", "a file that torch.save did not write"),
    ],
)
def test_a_file_that_is_none_is_named(model, change, told):
    model.write_bytes(change(model.read_bytes()))
    with pytest.raises(ValueError, match=f"^{model} must be a file of weights, got {told}"):
        load_weights(SliceViT(**SIZES), model)


def test_no_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="got no file: train first"):
        read_weights(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"got a folder: give the file in it, such as model\.pt"):
        read_weights(tmp_path)


def test_a_pickle_that_runs_code_is_not_opened(model, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"model": Evil()}, model)
    with pytest.raises(ValueError, match="got a pickle that could run code: save its state dict alone"):
        read_weights(model)
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore")
def test_a_torchscript_program_is_named(model):
    torch.jit.save(torch.jit.trace(SliceViT(**SIZES).eval(), torch.zeros(1, 3, 32, 32)), model)
    with pytest.raises(ValueError, match="got a TorchScript program: give the state dict"):
        read_weights(model)


@pytest.mark.parametrize(("content", "told"), [([1], "got a list"), ({"a": 1}, "got other content"), ({}, "other")])
def test_other_content_is_named(model, content, told):
    torch.save(content, model)
    with pytest.raises(ValueError, match=f"{model} must hold .*{told}"):
        read_weights(model)


@pytest.mark.parametrize(
    ("knob", "value", "told"),
    [
        ("hidden_size", 32, "hidden_size 16, here 32"),
        ("num_layers", 3, "num_layers 2, here 3"),
        ("patch_size", 4, "patch_size 8, here 4"),
        ("in_channels", 1, "in_channels 3, here 1"),
        ("num_classes", 3, "num_classes 1, here 3"),
        ("mlp_ratio", 2.0, "mlp_ratio 4.0, here 2.0"),
        ("qkv_bias", True, "qkv_bias False, here True"),
        ("patch_norm", "none", "patch_norm batch, here none"),
        ("position_encoding", "learned", "position_encoding sincos or reference, here learned"),
    ],
)
def test_weights_of_another_network_are_named_by_the_knob(model, knob, value, told):
    with pytest.raises(
        ValueError, match=rf"weights of this network, got others \({told}\): give the overlays and knobs"
    ):
        load_weights(SliceViT(**{**SIZES, knob: value}), model)


def test_weights_of_something_else_are_told_by_their_names(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(nn.Sequential(nn.Linear(2, 1)).state_dict(), path)
    with pytest.raises(ValueError, match=r"2 missing: weight, bias; 2 unknown: 0\.weight, 0\.bias\)"):
        load_weights(nn.Linear(2, 1), path)


UNET, DENSENET = (
    (SliceUNet, {"image_size": 32, "width": 4}),
    (SliceDenseNet, {"image_size": 32, "block_config": [1, 2]}),
)


@pytest.mark.parametrize(
    ("network", "changed", "told"),
    [
        (UNET, {"width": 8}, "width 4, here 8"),
        (UNET, {"in_channels": 1}, "in_channels 3, here 1"),
        (DENSENET, {"block_config": [2, 2]}, r"block_config \[1, 2\], here \[2, 2\]"),
        (DENSENET, {"growth_rate": 8}, "growth_rate 32, here 8"),
        (DENSENET, {"init_features": 16}, "init_features 64, here 16"),
        (DENSENET, {"in_channels": 2}, "in_channels 3, here 2"),
        (DENSENET, {"num_classes": 3}, "num_classes 1, here 3"),
    ],
)
def test_weights_of_another_convolutional_network_are_named_by_the_argument(network, changed, told, tmp_path):
    (kind, sizes), path = network, tmp_path / "model.pt"
    torch.save(kind(**sizes).state_dict(), path)
    with pytest.raises(ValueError, match=rf"weights of this network, got others \({told}\): give the overlays"):
        load_weights(kind(**{**sizes, **changed}), path)


def test_weights_of_another_kind_of_network_are_named_by_it(model):
    for (kind, sizes), name in ((UNET, "SliceUNet"), (DENSENET, "SliceDenseNet")):
        with pytest.raises(ValueError, match=rf"got others \(network SliceViT, here {name}\)"):
            load_weights(kind(**sizes), model)
    with pytest.raises(ValueError, match=r"got others \(network SliceViT, here of another kind\)"):
        load_weights(nn.Linear(2, 1), model)


def test_the_network_of_a_checkpoint_is_taken(model):
    network = SliceViT(**SIZES)
    torch.save({"model": network.state_dict(), "progress": {"epoch": 3}}, model)
    other = SliceViT(**SIZES)
    load_weights(other, model)
    assert torch.equal(other.head.weight, network.head.weight)
    assert read_tensors(model)["progress"] == {"epoch": 3}
