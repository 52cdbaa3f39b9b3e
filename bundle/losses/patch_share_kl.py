"""How attention is shared out among the patches, against how the lesion is."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.patch_grid import patch_grid
from bundle.losses.weighted_mean import weighted_mean

SMALLEST = 1e-8
"""Shares below this are rounding; their logarithm would have an endless gradient."""


class PatchShareKL(nn.Module):
    """KL divergence from the mask's share per patch to the map's, mean over the slices that count.

    Meant for `ClassAttention`, whose values are a distribution already but for the CLS token's own share. Without a
    softmax over pixels, which makes both maps nearly flat, a weight below 1 is felt. A slice without lesion, which
    counts only where negatives are supervised, has the same share in every patch.

    Args:
        patch_size: pixels a side of a patch.

    Shapes:
        map (B, 1, H, W), batch with "mask" (B, 1, H, W) and "weight" (B,) -> scalar.

    Source: not in the paper; its Eq. 8 without Eq. 9, on the patch grid.

    Example:
        >>> mask = torch.zeros(1, 1, 4, 4)
        >>> mask[..., :2, :2] = 1
        >>> loss = PatchShareKL(patch_size=2)(torch.ones(1, 1, 4, 4), {"mask": mask, "weight": torch.ones(1)})
        >>> round(loss.exp().item(), 4)  # all of the lesion in one of four patches
        4.0
    """

    def __init__(self, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, in float32 whatever the map's type."""
        lesion = F.avg_pool2d(batch[keys.MASK].float(), self.patch_size)
        grid_hw = (lesion.shape[-2], lesion.shape[-1])
        share = shares(patch_grid(attribution.float(), grid_hw).clamp(min=SMALLEST))
        target = shares(torch.where(lesion.amax(dim=(1, 2, 3), keepdim=True) > 0, lesion, torch.ones_like(lesion)))
        divergence = F.kl_div(share.log(), target, reduction="none").sum(dim=1)
        return weighted_mean(divergence, batch[keys.WEIGHT].float())


def shares(grid: Tensor) -> Tensor:
    """Return (B, N) that sums to 1 per slice, for (B, 1, gh, gw)."""
    flat = grid.flatten(1)
    return flat / flat.sum(dim=1, keepdim=True)
