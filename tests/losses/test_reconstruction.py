"""Error of hidden patches by hand."""

import pytest
import torch

from bundle.losses import MaskedPatchLoss
from bundle.networks.masked_autoencoder import Reconstruction

TARGET = torch.tensor([[[0.0, 2.0], [4.0, 4.0], [1.0, 3.0]]])


def found(pixels, masked):
    return Reconstruction(torch.tensor([pixels]), TARGET, torch.tensor([masked]))


def test_pixels_of_hidden_patches_are_compared():
    guess = found([[0.0, 0.0], [4.0, 2.0], [9.0, 9.0]], [1.0, 1.0, 0.0])
    assert MaskedPatchLoss(normalize=False)(guess) == pytest.approx((2 + 2) / 2)


def test_patches_are_compared_at_mean_0_and_variance_1_and_even_ones_at_0():
    half = 0.5**0.5
    guess = found([[-half, half], [0.0, 0.0], [-half, half]], [1.0, 1.0, 1.0])
    assert MaskedPatchLoss(floor=1e-8)(guess) == pytest.approx(0, abs=1e-6)
    opposite = found([[half, -half], [0.0, 0.0], [0.0, 0.0]], [1.0, 0.0, 0.0])
    assert MaskedPatchLoss(floor=1e-8)(opposite) == pytest.approx(2)
