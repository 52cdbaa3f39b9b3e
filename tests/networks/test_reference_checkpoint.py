import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from support.processes import python

from bundle.networks import SliceViT, convert_reference_checkpoint, load_reference_checkpoint
from bundle.networks.reference_checkpoint import to_reference_name

ROOT = Path(__file__).parents[2]
SIZES = {"image_size": 32, "patch_size": 8, "hidden_size": 64, "num_layers": 2, "num_heads": 1}


class EasyDict(dict):
    """Settings as the reference pickles them: entries are attributes, too."""

    def __init__(self, content):
        for name, value in content.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        value = EasyDict(value) if isinstance(value, dict) else value
        super().__setattr__(name, value)
        super().__setitem__(name, value)


@pytest.fixture
def network():
    return SliceViT(**SIZES, position_encoding="reference").eval()


def reference_state(network):
    state = {to_reference_name(name): value for name, value in network.state_dict().items()}
    return {**state, "pos_encode.inv_freq": torch.ones(32)}


def save(path, network, **more):
    torch.save({"model": reference_state(network), **more}, path)
    return path


@pytest.fixture
def whole_checkpoint(tmp_path, network, monkeypatch):
    """All that the reference saves, with settings of a class that is gone when the file is read."""
    module = types.ModuleType("easydict")
    module.EasyDict = EasyDict
    monkeypatch.setattr(EasyDict, "__module__", "easydict")
    monkeypatch.setitem(sys.modules, "easydict", module)
    optimizer = torch.optim.AdamW(network.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 25)
    return save(
        tmp_path / "checkpoint.pth",
        network,
        optimizer=optimizer.state_dict(),
        lr_scheduler=scheduler.state_dict(),
        epoch=7,
        args=EasyDict({"TRAINING": {"LR": 1e-5, "SIZES": [1, 2]}, "DEVICE": None}),
        best_epoch_stat={"f1": np.float64(0.5), "auroc": np.float32(0.25), "epoch": np.int64(6)},
    )


def test_opens_what_the_reference_saves(whole_checkpoint, network, monkeypatch):
    monkeypatch.delitem(sys.modules, "easydict")
    loaded = load_reference_checkpoint(whole_checkpoint, image_size=32)
    image = torch.rand(2, 3, 32, 32)
    assert torch.equal(loaded(image), network(image))
    assert not loaded.training


def test_settings_run_no_code_of_their_class(whole_checkpoint, monkeypatch):
    run = []
    for name in ("__new__", "__setattr__", "__setitem__"):
        monkeypatch.setattr(EasyDict, name, lambda *arguments: run.append(arguments))
    load_reference_checkpoint(whole_checkpoint, image_size=32)
    assert not run


class Trap:
    """Unpickles to a call that would leave a trace."""

    def __reduce__(self):
        return print, ("trapped",)


def test_a_pickle_with_code_is_refused_unrun(tmp_path, network, capsys):
    path = save(tmp_path / "trap.pth", network, args=Trap())
    with pytest.raises(ValueError, match="could run code"):
        load_reference_checkpoint(path, image_size=32)
    assert "trapped" not in capsys.readouterr().out


def test_sizes_are_read_from_the_weights(tmp_path):
    network = SliceViT(
        image_size=24, patch_size=4, in_channels=2, num_classes=3, hidden_size=128, num_layers=1, num_heads=2,
        mlp_ratio=3.0, patch_norm="none", qkv_bias=True, position_encoding="reference",
    ).eval()  # fmt: skip
    loaded = load_reference_checkpoint(save(tmp_path / "other.pth", network), image_size=24)
    image = torch.rand(2, 2, 24, 24)
    assert torch.equal(loaded(image), network(image))


def test_everything_that_does_not_fit_is_named(tmp_path, network):
    state = reference_state(network)
    del state["vit_encoder.layers.0.attn.proj.bias"]
    state["extra"] = torch.ones(1)
    torch.save({"model": state}, tmp_path / "odd.pth")
    with pytest.raises(ValueError) as error:
        load_reference_checkpoint(tmp_path / "odd.pth", image_size=32, num_classes=2)
    for part in (
        "missing ['vit_encoder.layers.0.attn.proj.bias']",
        "unexpected ['extra']",
        "of another shape ['mlp_head.1.bias', 'mlp_head.1.weight']",
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [({"model": {"a": torch.ones(1)}}, "unexpected"), ({"model": 3}, "state dict"), ([torch.ones(1)], "state dict")],
)
def test_other_files_are_refused(content, message, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=message):
        load_reference_checkpoint(tmp_path / "other.pth")


@pytest.mark.parametrize(
    "content", [b"", b"plain text, no weights", b"<html>not found</html>", b"PK\x03\x04 cut off"], ids=str
)
def test_what_is_no_checkpoint_is_called_that(content, tmp_path):
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.pth: file must be a PyTorch checkpoint"):
        load_reference_checkpoint(tmp_path / "other.pth")


def test_weights_that_tell_the_sizes_are_named_too(tmp_path, network):
    state = reference_state(network)
    gone = ["mlp_head.0.bias", "mlp_head.1.bias", "mlp_head.1.weight", "vit_encoder.layers.0.mlp.fc1.weight"]
    for name in gone:
        del state[name]
    state["patch_embed.proj.weight"] = state["patch_embed.proj.weight"][0, 0]
    state["vit_encoder.layers.x.norm"] = torch.ones(1)
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(ValueError) as error:
        load_reference_checkpoint(tmp_path / "odd.pth", image_size=32, patch_size=8, hidden_size=64, num_heads=1)
    shapes = "of another shape ['patch_embed.proj.weight']"
    for part in (f"missing {gone}", "unexpected ['vit_encoder.layers.x.norm']", shapes):
        assert part in str(error.value)


def test_weights_of_this_bundle_are_no_reference_checkpoint(tmp_path):
    torch.save(SliceViT(**SIZES).state_dict(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"missing .*'mlp_head\.0\.bias'.*unexpected .*'head\.weight'"):
        load_reference_checkpoint(tmp_path / "model.pt", image_size=32)


def test_a_second_name_for_one_weight_is_refused(tmp_path, network):
    torch.save({**reference_state(network), "norm.weight": torch.ones(64)}, tmp_path / "twice.pth")
    with pytest.raises(ValueError, match=r"unexpected \['norm\.weight'\]"):
        load_reference_checkpoint(tmp_path / "twice.pth", image_size=32)


def test_conversion_leaves_weights_and_the_overlay_that_fits(tmp_path, network):
    source = save(tmp_path / "checkpoint.pth", network)
    weights, overlay = convert_reference_checkpoint(source, tmp_path / "converted", image_size=32)
    assert (weights.name, overlay.name) == ("model.pt", "model.yaml")
    rebuilt = SliceViT(**yaml.safe_load(overlay.read_text())).eval()
    rebuilt.load_state_dict(torch.load(weights, weights_only=True), strict=True)
    image = torch.rand(2, 3, 32, 32)
    assert torch.equal(rebuilt(image), network(image))


def test_script_converts_and_refuses(tmp_path, network):
    def run(*arguments):
        script = ROOT / "scripts" / "convert_reference_checkpoint.py"
        return python(script, *arguments, cwd=tmp_path)

    save(tmp_path / "checkpoint.pth", network)
    status, printed = run("checkpoint.pth", "out/weights.pt", "--image-size", "32")
    assert status == 0, printed
    assert (tmp_path / "out" / "weights.yaml").exists()
    torch.save([1], tmp_path / "bad.pth")
    status, printed = run("bad.pth", "bad.pt")
    assert status == 1
    assert printed.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "bad.pt").exists()
