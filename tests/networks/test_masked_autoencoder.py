"""The network learns from what it is not shown, and nothing of that leaks into what it says."""

import pytest
import torch
from support.network import toy_network
from torch import nn

from bundle.losses import MaskedPatchLoss
from bundle.networks import MaskedAutoencoder, SliceViT

SIZES = {"image_size": 16, "patch_size": 4, "in_channels": 2, "hidden_size": 16, "num_layers": 2, "num_heads": 2}


def autoencoder(**options):
    return MaskedAutoencoder(SliceViT(**SIZES, patch_norm="none", dropout=0, drop_path=0), **options)


def guess(network, image):
    torch.manual_seed(3)
    return network(image)


def test_targets_are_the_pixels_of_the_patches_in_their_places():
    image = torch.rand(1, 2, 16, 16)
    found = autoencoder()(image)
    assert torch.equal(found.target[0, 6], image[0, :, 4:8, 8:12].permute(1, 2, 0).flatten())
    assert found.masked.sum() == 12


@pytest.mark.parametrize("patch", range(16))
def test_only_visible_patches_are_seen(patch):
    network, image = autoencoder(), torch.rand(1, 2, 16, 16)
    row, column = divmod(patch, 4)
    other = image.clone()
    other[..., 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 1
    first, second = guess(network, image), guess(network, other)
    assert torch.equal(first.masked, second.masked)
    assert torch.equal(first.pixels, second.pixels) == bool(first.masked[0, patch])


def test_it_learns_where_a_patch_lies_and_leaves_the_head_alone():
    """All images are the same ramp: a hidden patch is known from its place alone."""
    network, loss = autoencoder(), MaskedPatchLoss(normalize=False)
    head = network.encoder.head.weight.clone()
    start = {name: value.clone() for name, value in network.encoder.named_parameters()}
    image = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16).expand(8, 2, 16, 16)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(120):
        optimizer.zero_grad()
        loss(network(image)).backward()
        optimizer.step()
    assert loss(network(image)) < 0.01  # the variance of the pixels is 0.08
    assert torch.equal(network.encoder.head.weight, head)
    unmoved = {name for name, value in network.encoder.named_parameters() if torch.equal(value, start[name])}
    assert unmoved == {"head.weight", "head.bias"}


@pytest.mark.parametrize("mask_head", [None, "tokens"])
def test_every_weight_that_asks_for_a_gradient_gets_one(mask_head):
    """DDP would wait for the others in vain."""
    network = MaskedAutoencoder(toy_network(mask_head=mask_head))
    MaskedPatchLoss()(network(torch.rand(2, 2, 16, 16))).backward()
    assert [name for name, value in network.named_parameters() if value.requires_grad and value.grad is None] == []
    frozen = {name.split(".")[1] for name, value in network.named_parameters() if not value.requires_grad}
    assert frozen == ({"head", "mask_head", "mask_vote"} if mask_head else {"head"})


def test_the_network_lies_under_encoder_in_the_weights():
    network = autoencoder()
    state = network.state_dict()
    assert all(torch.equal(state[f"encoder.{name}"], value) for name, value in network.encoder.state_dict().items())


def test_the_decoder_is_half_as_wide_or_as_asked():
    assert autoencoder().narrow.out_features == 8
    assert autoencoder(decoder_size=4, decoder_layers=1).narrow.out_features == 4


@pytest.mark.parametrize("ratio", [0.0, 0.99])
def test_something_is_hidden_and_something_is_not(ratio):
    with pytest.raises(ValueError, match=f"mask_ratio must hide some of the 16 patches, got {ratio}"):
        autoencoder(mask_ratio=ratio)


def test_a_stem_that_sees_hidden_pixels_is_refused():
    with pytest.raises(ValueError, match="stem of a network that learns from masked patches must be patch, got conv"):
        MaskedAutoencoder(toy_network(stem="conv"))


def test_a_network_without_tokens_is_refused():
    with pytest.raises(TypeError, match="network must be a SliceViT to learn from masked patches, got Linear"):
        MaskedAutoencoder(nn.Linear(1, 1))
