"""What a rough mask may have meant: a smoothed one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GaussianImputation(nn.Module):
    """The mask smoothed by a 3 px Gaussian (sigma 0.8 px) at full size, then nearest per patch.

    Args:
        kernel_size_px: odd; sigma is 0.15 times that plus 0.35 px, as the smoothed mask's.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Source: RES-G as LGM-ViT's authors compare it.

    Example:
        >>> GaussianImputation()(torch.ones(1, 1, 8, 8), torch.ones(1, 3, 8, 8), (2, 2)).shape
        torch.Size([1, 1, 2, 2])
    """

    kernel: Tensor

    def __init__(self, kernel_size_px: int = 3) -> None:
        super().__init__()
        offset = torch.arange(kernel_size_px) - (kernel_size_px - 1) / 2
        weights = torch.exp(-0.5 * (offset / (0.15 * kernel_size_px + 0.35)) ** 2)
        weights = weights / weights.sum()
        self.register_buffer("kernel", torch.outer(weights, weights)[None, None], persistent=False)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the smoothed mask per patch."""
        padding = [self.kernel.shape[-1] // 2] * 4
        smoothed = F.conv2d(F.pad(mask, padding, mode="reflect"), self.kernel.to(mask.device))
        return F.interpolate(smoothed, size=grid_hw, mode="nearest")
