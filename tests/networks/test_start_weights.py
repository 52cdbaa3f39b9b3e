"""Weights of other networks give what these networks compute; what cannot be taken is told."""

import logging
import re
import sys
import types

import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets import ViT
from torch import nn

from bundle.networks import MaskedAutoencoder, SliceViT, load_initial_weights, load_pretrained, read_foreign_weights
from bundle.networks.foreign_weights import fit_patches, fit_position_code

SIZES = {"image_size": 16, "patch_size": 4, "in_channels": 3, "hidden_size": 128, "num_layers": 2, "num_heads": 2}
FORM = {"patch_norm": "none", "position_encoding": "learned", "qkv_bias": True}
IMAGE = torch.rand(2, 3, 16, 16)


class TimmLike(nn.Module):
    """A ViT under the names of timm and DINOv2, made of PyTorch's own layers."""

    def __init__(self, depth=2, width=128, grid=4, patch=4, channels=3, registers=0):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(channels, width, patch, patch)})
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 1 + grid * grid, width))
        if registers:
            self.register_tokens = nn.Parameter(torch.randn(1, registers, width))
        self.blocks = nn.ModuleList(self.block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.head = nn.Linear(width, 10)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.2)

    def block(self, width):
        attention = {"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)}
        mlp = {"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)}
        scale = {name: nn.ParameterDict({"gamma": torch.empty(width)}) for name in ("ls1", "ls2")}
        parts = {"norm1": nn.LayerNorm(width, eps=1e-5), "attn": nn.ModuleDict(attention)}
        return nn.ModuleDict({**parts, "norm2": nn.LayerNorm(width, eps=1e-5), "mlp": nn.ModuleDict(mlp), **scale})

    def forward(self, image):
        patches = self.patch_embed["proj"](image).flatten(2).mT
        tokens = torch.cat([self.cls_token.expand(len(image), -1, -1), patches], dim=1) + self.pos_embed
        for block in self.blocks:
            normed, attention = block["norm1"](tokens).transpose(0, 1), block["attn"]
            values, _ = F.multi_head_attention_forward(
                normed, normed, normed, tokens.shape[-1], 2, attention["qkv"].weight, attention["qkv"].bias, None, None,
                False, 0.0, attention["proj"].weight, attention["proj"].bias,
            )  # fmt: skip
            tokens = tokens + block["ls1"]["gamma"] * values.transpose(0, 1)
            hidden = F.gelu(block["mlp"]["fc1"](block["norm2"](tokens)))
            tokens = tokens + block["ls2"]["gamma"] * block["mlp"]["fc2"](hidden)
        return self.norm(tokens)


def saved(path, network, wrap=lambda state: state):
    torch.save(wrap(network.state_dict()), path / "vit.pth")
    return path / "vit.pth"


def tokens_of(network, image):
    return network.norm(network.eval().forward_evidence(image).tokens)


def class_token(network, image):
    """The class token before the head, through a head that changes nothing."""
    network.head = nn.Identity()
    return network.eval()(image)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"model": state, "epoch": 3},
        lambda state: {"teacher": {f"backbone.{name}": value for name, value in state.items()}, "student": {}},
        lambda state: {"state_dict": {f"module.{name}": value.double() for name, value in state.items()}},
        lambda state: {name.replace("blocks.", "blocks.0."): value for name, value in state.items()},
        lambda state: {re.sub(r"ls(\d)\.gamma", r"gamma_\1", name): value for name, value in state.items()},
    ],
    ids=["plain", "mae", "dinov2 training", "module", "chunks", "beit"],
)  # fmt: skip
def test_a_vit_of_timm_or_dinov2_computes_the_same_here(wrap, tmp_path):
    source, network = TimmLike(), SliceViT(**SIZES, **FORM)
    load_pretrained(network, saved(tmp_path, source, wrap))
    expected = source(IMAGE)
    torch.testing.assert_close(tokens_of(network, IMAGE), expected[:, 1:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(class_token(network, IMAGE), expected[:, 0], rtol=1e-4, atol=1e-4)


def test_a_vit_of_monai_computes_the_same_here(tmp_path):
    source = ViT(3, 16, 4, hidden_size=128, mlp_dim=512, num_layers=2, num_heads=2, spatial_dims=2, classification=True)
    nn.init.normal_(source.cls_token)
    network = SliceViT(**SIZES, **FORM)
    load_pretrained(network, saved(tmp_path, source))
    torch.testing.assert_close(class_token(network, IMAGE), source.eval().norm(source.eval()(IMAGE)[1][-1])[:, 0])


def test_weights_of_this_bundle_fit_another_size_and_those_of_an_autoencoder_too(tmp_path):
    source = SliceViT(**{**SIZES, "image_size": 32})
    for network in (source, MaskedAutoencoder(source)):
        target = SliceViT(**SIZES, num_classes=3)
        load_pretrained(target, saved(tmp_path, network))
        assert torch.equal(target.blocks[1].mlp.fc1.weight, source.blocks[1].mlp.fc1.weight)
        assert target.head.weight.shape == (3, 128)


def test_what_was_done_and_left_is_logged(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = saved(tmp_path, TimmLike(depth=3, grid=7, patch=2, registers=4))
    network = SliceViT(**{**SIZES, "in_channels": 4}, **FORM)
    head, start = network.head.weight.clone(), network.blocks[0].attn.qkv.weight.clone()
    load_pretrained(network, path)
    assert torch.equal(network.head.weight, head)
    assert not torch.equal(network.blocks[0].attn.qkv.weight, start)
    assert [message.removeprefix(f"{path}: ") for message in caplog.messages] == [
        "30 of 32 weights of the network are taken from it.",
        "6 layer scales are multiplied into the layers before them.",
        "the class token's position code is added to the class token.",
        "the position code is resampled from 7 x 7 to 4 x 4 patches.",
        "the 3 channels of the patch projection are summed and shared out to 4.",
        "the patch projection is resized from 2 to 4 px.",
        "not used of the file: blocks.2, head.bias, head.weight, register_tokens.",
        "keep their start values: head.bias, head.weight.",
    ]


def test_what_makes_another_network_of_it_is_a_warning(tmp_path, caplog):
    load_pretrained(SliceViT(**{**SIZES, "num_heads": 4}), saved(tmp_path, TimmLike()))
    told = "\n".join(record.message for record in caplog.records if record.levelname == "WARNING")
    for remedy in ("position_encoding: learned takes it", "qkv_bias: true takes them", "patch_norm: none keeps them"):
        assert remedy in told
    assert "attention heads must be 4, as here, which no file tells; most have 64 channels a head, here are 32" in told


def test_biases_that_the_file_lacks_start_at_0(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    state = {name: value for name, value in TimmLike().state_dict().items() if "qkv.bias" not in name}
    torch.save(state, tmp_path / "vit.pth")
    network = SliceViT(**SIZES, **FORM, identical_blocks=True)
    load_pretrained(network, tmp_path / "vit.pth")
    assert not network.blocks[0].attn.qkv.bias.any()
    assert "2 biases of queries, keys and values, which the file lacks, start at 0" in caplog.text


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hidden_size": 64, "num_heads": 1}, "hidden_size 128, here 64"),
        ({"mlp_ratio": 2.0}, "mlp_ratio 4.0, here 2.0"),
    ],
)
def test_blocks_fit_whole_or_not_at_all(changed, told, tmp_path):
    network = SliceViT(**{**SIZES, **changed}, **FORM)
    before = network.blocks[0].norm1.weight.clone()
    with pytest.raises(ValueError, match=f"must hold transformer blocks that fit .*{told}.*hidden_size and mlp_ratio"):
        load_pretrained(network, saved(tmp_path, TimmLike()))
    assert torch.equal(network.blocks[0].norm1.weight, before)


def test_a_file_without_blocks_and_a_network_without_tokens_are_refused(tmp_path):
    path = saved(tmp_path, nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"transformer blocks that fit this network, got others \(\d+ missing"):
        load_pretrained(SliceViT(**SIZES), path)
    with pytest.raises(ValueError, match="network must be a SliceViT to start from"):
        load_pretrained(nn.Linear(2, 1), path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"blocks.0.a": torch.tensor(float("nan"))}, r"NaN or infinity in blocks\.0\.a"),
        ({"a": torch.ones(1), "module.a": torch.ones(1)}, "two of one name"),
        ({"epoch": 1}, "none"),
    ],
)
def test_a_file_of_no_network_is_refused(content, told, tmp_path):
    torch.save(content, tmp_path / "vit.pth")
    with pytest.raises(ValueError, match=f"vit.pth must hold the weights of one network, got {told}: give another"):
        read_foreign_weights(tmp_path / "vit.pth")


def test_safetensors_are_read_where_the_package_is(tmp_path, monkeypatch):
    path = tmp_path / "vit.safetensors"
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ValueError, match=r"where the package safetensors is missing, got \.safetensors: run `pip"):
        read_foreign_weights(path)
    module = types.ModuleType("safetensors.torch")
    module.load_file = lambda file: {"pos_embed": torch.ones(1, dtype=torch.float16)}
    monkeypatch.setitem(sys.modules, "safetensors", types.ModuleType("safetensors"))
    monkeypatch.setitem(sys.modules, "safetensors.torch", module)
    assert read_foreign_weights(path)["position.code"].dtype == torch.float32


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_gray_image_gives_the_same_tokens_with_any_number_of_channels(channels):
    state = {"patch_embed.proj.weight": torch.randn(5, 3, 4, 4)}
    gray = torch.rand(1, 1, 4, 4)
    expected = F.conv2d(gray.expand(-1, 3, -1, -1), state["patch_embed.proj.weight"])
    assert len(list(fit_patches(state, channels, 4))) == 1
    found = F.conv2d(gray.expand(-1, channels, -1, -1), state["patch_embed.proj.weight"])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size", [4, 7, 16])
def test_an_enlarged_patch_gives_the_same_token(size):
    weight, patch = torch.randn(5, 3, 4, 4), torch.rand(1, 3, 4, 4)
    state = {"patch_embed.proj.weight": weight.clone()}
    list(fit_patches(state, 3, size))
    enlarged = F.interpolate(patch, (size, size), mode="bicubic")
    found, expected = F.conv2d(enlarged, state["patch_embed.proj.weight"]), F.conv2d(patch, weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_smaller_patch_keeps_the_answer_to_an_even_image():
    state = {"patch_embed.proj.weight": torch.rand(5, 1, 16, 16)}
    expected = state["patch_embed.proj.weight"].sum(dim=(1, 2, 3))
    list(fit_patches(state, 1, 8))
    torch.testing.assert_close(state["patch_embed.proj.weight"].sum(dim=(1, 2, 3)), expected, rtol=0.02, atol=0)


@pytest.mark.parametrize("front", [0, 1, 2])
def test_a_position_code_keeps_its_order_and_loses_what_stands_in_front(front):
    ramp = torch.arange(16.0).reshape(16, 1)
    state = {"position.code": torch.cat([torch.full((front, 1), 9.0), ramp])[None], "cls_token": torch.ones(1, 1, 1)}
    done = list(fit_position_code(state, (4, 4)))
    assert torch.equal(state["position.code"], ramp)
    assert float(state["cls_token"]) == (10 if front else 1)
    assert len(done) == bool(front)
    list(fit_position_code(state, (8, 8)))
    rows = state["position.code"].reshape(8, 8)
    assert (rows.diff(dim=0) > 0).all()
    assert (rows.diff(dim=1) > 0).all()


def test_a_position_code_of_no_square_is_left_alone():
    state = {"position.code": torch.zeros(1, 12, 1)}
    assert list(fit_position_code(state, (4, 4))) == []
    assert state["position.code"].shape == (1, 12, 1)


def test_initial_weights_are_those_of_the_network_or_of_its_autoencoder(tmp_path):
    source = SliceViT(**SIZES)
    for network in (source, MaskedAutoencoder(source)):
        target = SliceViT(**SIZES)
        load_initial_weights(target, saved(tmp_path, network))
        assert all(torch.equal(value, source.state_dict()[name]) for name, value in target.state_dict().items())
    with pytest.raises(ValueError, match=r"got others \(num_layers 2, here 3\): .* give the file as pretrained"):
        load_initial_weights(SliceViT(**{**SIZES, "num_layers": 3}), tmp_path / "vit.pth")
