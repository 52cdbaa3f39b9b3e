"""What a rough mask may have meant: its patches and their neighbors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GridGaussianImputation(nn.Module):
    """The mask per patch (nearest), smoothed on the grid by [1/4 1/2 1/4] in both directions, over its maximum.

    Beyond its border the grid goes on as its mirror image, without the border patch twice, as OpenCV's blur takes it.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Source: Gao et al., RES (2022), RES-G.

    Example:
        >>> mask = torch.zeros(1, 1, 10, 10)
        >>> mask[..., 4:6, 4:6] = 1
        >>> GridGaussianImputation()(mask, mask, (5, 5))[0, 0, 2].tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the smoothed mask per patch."""
        weights = mask.new_tensor([0.25, 0.5, 0.25])
        grid = F.interpolate(mask.clamp(min=0), size=grid_hw, mode="nearest")
        mirrored = F.pad(grid, [1] * 4, mode="reflect" if min(grid_hw) > 1 else "replicate")
        smoothed = F.conv2d(mirrored, torch.outer(weights, weights)[None, None])
        return smoothed / smoothed.amax(dim=(2, 3), keepdim=True).clamp(min=1e-6)
