"""Segmentation loss: soft Dice and binary cross entropy of a predicted mask."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from monai.losses import DiceLoss
from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import weighted_mean


class DiceBCELoss(nn.Module):
    """dice * (1 - soft Dice) + bce * binary cross entropy, mean over the slices with weight 1.

    MONAI's `DiceCELoss` reduces over the batch; here each slice has a weight of its own. On an empty mask Dice is
    nearly constant, and the cross entropy teaches.

    Args:
        dice: weight of the Dice term; 0 leaves it out.
        bce: weight of the cross entropy.

    Shapes:
        mask logits (B, 1, h, w), batch with "mask" (B, 1, h, w) in [0, 1] on the same grid and "weight" (B,) -> scalar.

    Source: Isensee et al., nnU-Net (2021), for the sum of both.

    Example:
        >>> import torch
        >>> batch = {"mask": torch.ones(1, 1, 2, 2), "weight": torch.ones(1)}
        >>> round(DiceBCELoss()(torch.full((1, 1, 2, 2), 20.0), batch).item(), 4)
        0.0
    """

    def __init__(self, dice: float = 1.0, bce: float = 1.0) -> None:
        super().__init__()
        self.dice = dice
        self.bce = bce
        self.overlap = DiceLoss(sigmoid=True, reduction="none")

    def forward(self, mask_logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss in float32."""
        logits, share = mask_logits.float(), batch[keys.MASK].float()
        per_slice = self.bce * F.binary_cross_entropy_with_logits(logits, share, reduction="none").flatten(1).mean(1)
        if self.dice:
            per_slice = per_slice + self.dice * self.overlap(logits, share).flatten(1).mean(1)
        return weighted_mean(per_slice, batch[keys.WEIGHT].float())
