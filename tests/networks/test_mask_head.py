import pytest
import torch

from bundle.attribution import EAFEM, MaskProbability
from bundle.networks import SliceViT
from bundle.networks.conv_stem import ConvStem
from bundle.networks.mask_head import MaskVote
from bundle.networks.weights import differences
from tests.support.network import toy_network

HYBRIDS = [{"stem": "conv"}, {"mask_head": "tokens"}, {"stem": "conv", "mask_head": "pixels"}]
IMAGE = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("changed", HYBRIDS)
@pytest.mark.parametrize("attentions", [False, True])
def test_evidence_has_the_logits_of_the_plain_pass_and_the_token_grid(changed, attentions):
    network = toy_network(**changed).eval()
    evidence = network.forward_evidence(IMAGE, attentions=attentions)
    torch.testing.assert_close(evidence.logits, network(IMAGE))
    assert evidence.grid_hw == (4, 4)
    assert evidence.tokens.shape == (3, 16, 8)
    assert EAFEM()(evidence, (16, 16)).shape == (3, 1, 16, 16)


@pytest.mark.parametrize(("changed", "side"), [(HYBRIDS[1], 4), (HYBRIDS[2], 8)])
def test_the_mask_lies_where_the_image_does(changed, side):
    torch.manual_seed(0)
    network = toy_network(**changed, dropout=0.0, drop_path=0.0)
    image, mask = torch.rand(16, 2, 16, 16), torch.zeros(16, 1, 16, 16)
    for row in range(16):
        top, left = 4 * (row % 4), 4 * (row // 4)
        mask[row, :, top : top + 4, left : left + 4] = 1
    image = image * 0.2 + mask
    target = torch.nn.functional.adaptive_avg_pool2d(mask, side)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(150):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network.forward_evidence(image).mask_logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = MaskProbability()(network.eval().forward_evidence(image), (16, 16))
    highest = found.flatten(1).argmax(dim=1, keepdim=True)
    assert mask.flatten(1).gather(1, highest).mean() >= 0.9


@pytest.mark.parametrize("mask_only", [False, True])
def test_the_label_alone_trains_the_mask_head_too(mask_only):
    network = toy_network(stem="conv", mask_head="pixels", mask_only=mask_only)
    network(IMAGE).sum().backward()
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in network.parameters())
    assert network.mask_head.logit.weight.grad.abs().sum() > 0


def test_a_mask_raises_the_logit_of_its_slice():
    vote = MaskVote()
    flat = torch.full((1, 1, 8, 8), -4.0)
    spot = flat.clone()
    spot[..., 3, 3] = 4.0
    assert vote(torch.zeros(1, 1), spot).item() == pytest.approx(2.0, abs=1e-3)
    assert vote(torch.zeros(1, 1), flat).item() == pytest.approx(-2.0, abs=1e-3)


def test_alone_the_mask_is_the_answer():
    torch.manual_seed(0)
    network = toy_network(stem="conv", mask_head="pixels", mask_only=True).eval()
    evidence = network.forward_evidence(IMAGE)
    highest = evidence.mask_logits.flatten(1).amax(dim=1, keepdim=True)
    torch.testing.assert_close(evidence.logits, highest)  # 64 cells, so the highest 64th is one
    assert "mask_only" in differences(network.state_dict(), toy_network(stem="conv", mask_head="pixels").state_dict())


def test_start_values_of_the_plain_vit_do_not_change():
    plain, with_head = toy_network(), toy_network(mask_head="tokens")
    same = [name for name in plain.state_dict() if name.startswith("blocks.0.attn")]
    assert same
    assert not [name for name in plain.state_dict() if "mask" in name]
    assert differences(plain.state_dict(), with_head.state_dict()) == "mask_head tokens, here null"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"stem": "conv", "patch_size": 3, "image_size": 12},
            "patch_size of a convolutional stem must be a power of 2",
        ),
        (
            {"mask_head": "tokens", "num_classes": 3},
            "mask_head must be null for several classes, got 'tokens' with num_",
        ),
        ({"stem": "cnn"}, "stem must be patch or conv, got 'cnn'"),
        ({"mask_head": "pixels"}, "mask_head must be null, tokens, or pixels with stem: conv, got 'pixels' with Patch"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        toy_network(**changed)


def test_weights_tell_stem_patch_size_and_channels():
    conv = toy_network(stem="conv", mask_head="pixels").state_dict()
    assert differences(conv, toy_network(stem="conv").state_dict()) == "mask_head null, here pixels"
    other = toy_network(stem="conv", mask_head="pixels", patch_size=8, in_channels=1).state_dict()
    assert differences(conv, other) == "in_channels 1, here 2, patch_size 8, here 4"
    assert "stem patch, here conv" in differences(conv, toy_network().state_dict())


def test_one_stage_and_vit_b_fit():
    assert ConvStem(1, 8, patch_size=2)(torch.rand(1, 1, 4, 4)).shape == (1, 4, 8)
    assert toy_network(stem="conv", mask_head="pixels", patch_size=2)(IMAGE).shape == (3, 1)
    assert ConvStem(3, 768, patch_size=16).channels == [48, 96, 192, 384]


@pytest.mark.no_cover
def test_a_network_with_a_head_exports_to_torch_export():
    network = SliceViT(32, 8, 1, hidden_size=16, num_layers=1, num_heads=2, stem="conv", mask_head="pixels").eval()
    image = torch.rand(2, 1, 32, 32)
    program = torch.export.export(network, (image,))
    torch.testing.assert_close(program.module()(image), network(image))
