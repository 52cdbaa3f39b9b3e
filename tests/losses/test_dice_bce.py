"""Dice and cross entropy of a predicted mask, against MONAI's loss over slices of equal weight."""

import pytest
import torch
from monai.losses import DiceCELoss

from bundle.losses import DiceBCELoss


def example(weight):
    torch.manual_seed(0)
    mask = (torch.rand(3, 1, 8, 8) > 0.6).float()
    return torch.randn(3, 1, 8, 8), {"mask": mask, "weight": torch.tensor(weight)}


@pytest.mark.parametrize(("dice", "bce"), [(1.0, 1.0), (0.0, 1.0), (2.0, 0.5)])
def test_slices_of_equal_weight_give_monais_loss(dice, bce):
    logits, batch = example([1.0, 1.0, 1.0])
    expected = DiceCELoss(sigmoid=True, lambda_dice=dice, lambda_ce=bce)(logits, batch["mask"])
    torch.testing.assert_close(DiceBCELoss(dice, bce)(logits, batch), expected)


def test_a_slice_without_weight_does_not_count_and_none_gives_zero():
    logits, batch = example([0.0, 1.0, 0.0])
    alone = DiceBCELoss()(logits[1:2], {"mask": batch["mask"][1:2], "weight": torch.ones(1)})
    torch.testing.assert_close(DiceBCELoss()(logits, batch), alone)
    logits.requires_grad_()
    nothing = DiceBCELoss()(logits, {**batch, "weight": torch.zeros(3)})
    nothing.backward()
    assert nothing.item() == 0
    assert logits.grad.abs().sum() == 0
