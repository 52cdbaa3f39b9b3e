"""Kullback-Leibler losses: map and mask as distributions over the pixels or patches of a slice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import patch_grid, weighted_mean


class DistributionKL(nn.Module):
    """KL divergence from the smoothed mask to the attribution map, mean over the slices with weight 1.

    Args:
        variant: "lgmvit_code": softmax of map and mask over all pixels, sum over pixels; the paper's weights (lambda
            1000 and 250) belong to this variant. "lgmvit_paper": Eq. 8 and 9 literally, without softmax of the mask,
            mean over pixels.

    Shapes:
        map (B, 1, H, W), batch with "smoothed_mask" (B, 1, H, W) and "weight" (B,) -> scalar.

    Raises:
        ValueError: unknown variant.

    Source: paper, Eq. 8 and 9.

    Example:
        >>> import torch
        >>> batch = {"smoothed_mask": torch.zeros(2, 1, 4, 4), "weight": torch.ones(2)}
        >>> DistributionKL()(torch.zeros(2, 1, 4, 4), batch).item()
        0.0
    """

    def __init__(self, variant: str = "lgmvit_code") -> None:
        super().__init__()
        if variant not in _VARIANTS:
            raise ValueError(f"variant must be one of {sorted(_VARIANTS)}, got {variant!r}: choose one of these.")
        self.variant = variant

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss in float32."""
        pixels = attribution.float().flatten(1), batch[keys.SMOOTHED_MASK].float().flatten(1)
        return weighted_mean(_VARIANTS[self.variant](*pixels), batch[keys.WEIGHT].float())


def _code_kl(attribution: Tensor, target: Tensor) -> Tensor:
    """Return (B,): sum over pixels of q (log q - log p), with p and q the softmax of map and target (B, H*W)."""
    log_p, log_q = attribution.log_softmax(dim=1), target.log_softmax(dim=1)
    return F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(dim=1)


def _paper_kl(attribution: Tensor, target: Tensor) -> Tensor:
    """Return (B,): mean over pixels of y (log y - log p), with y the target; a pixel with y = 0 adds 0."""
    return F.kl_div(attribution.log_softmax(dim=1), target, reduction="none").mean(dim=1)


_VARIANTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"lgmvit_code": _code_kl, "lgmvit_paper": _paper_kl}

_SMALLEST = 1e-8
"""Lower bound of a patch value: the logarithm of a smaller one would have an unbounded gradient."""


class PatchShareKL(nn.Module):
    """KL divergence from the mask's share per patch to the map's share, mean over the slices with weight 1.

    For `ClassAttention`, whose values sum to 1 except for the CLS token's own share. A softmax over pixels would make
    both maps nearly flat; without it a weight below 1 is enough. A slice without lesion, used only if negatives are
    supervised, has equal target shares.

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
        """Return the loss in float32."""
        lesion = F.avg_pool2d(batch[keys.MASK].float(), self.patch_size)
        grid_hw = (lesion.shape[-2], lesion.shape[-1])
        share = _shares(patch_grid(attribution.float(), grid_hw).clamp(min=_SMALLEST))
        target = _shares(torch.where(lesion.amax(dim=(1, 2, 3), keepdim=True) > 0, lesion, torch.ones_like(lesion)))
        divergence = F.kl_div(share.log(), target, reduction="none").sum(dim=1)
        return weighted_mean(divergence, batch[keys.WEIGHT].float())


def _shares(grid: Tensor) -> Tensor:
    """Return the grid (B, 1, gh, gw) as (B, N), scaled to sum 1 per slice."""
    flat = grid.flatten(1)
    return flat / flat.sum(dim=1, keepdim=True)
