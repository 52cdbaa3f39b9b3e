"""Map and mask as distributions over the slice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import patch_grid, weighted_mean


class DistributionKL(nn.Module):
    """KL divergence from the smoothed mask to the attribution map, mean over the slices that count.

    Args:
        form: "reference": both go through a softmax over all pixels and the divergence is summed over pixels; the
            weights of the paper (lambda 1000 and 250) belong to it. "paper": Eq. 8 and 9 literally, no softmax on the
            mask and the mean over pixels.

    Shapes:
        map (B, 1, H, W), batch with "smoothed_mask" (B, 1, H, W) and "weight" (B,) -> scalar.

    Raises:
        ValueError: an unknown form.

    Source: paper, Eq. 8 and 9.

    Example:
        >>> import torch
        >>> batch = {"smoothed_mask": torch.zeros(2, 1, 4, 4), "weight": torch.ones(2)}
        >>> DistributionKL()(torch.zeros(2, 1, 4, 4), batch).item()
        0.0
    """

    def __init__(self, form: str = "reference") -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"DistributionKL expected form to be one of {sorted(FORMS)}, got {form!r}.")
        self.form = form

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, in float32 whatever the map's type."""
        pixels = attribution.float().flatten(1), batch[keys.SMOOTHED_MASK].float().flatten(1)
        return weighted_mean(FORMS[self.form](*pixels), batch[keys.WEIGHT].float())


def reference_kl(attribution: Tensor, target: Tensor) -> Tensor:
    """Return (B,): sum over pixels of q (log q - log p), p and q the softmax of map and target (B, H*W)."""
    log_p, log_q = attribution.log_softmax(dim=1), target.log_softmax(dim=1)
    return F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(dim=1)


def literal_kl(attribution: Tensor, target: Tensor) -> Tensor:
    """Return (B,): mean over pixels of y (log y - log p), y the target itself, 0 where it is 0."""
    return F.kl_div(attribution.log_softmax(dim=1), target, reduction="none").mean(dim=1)


FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"reference": reference_kl, "paper": literal_kl}


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
