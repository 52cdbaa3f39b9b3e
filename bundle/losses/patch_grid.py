"""From the image back to the patches."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def patch_grid(maps: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """Return the values per patch (B, 1, gh, gw) that a bilinear resize made the maps (B, 1, H, W) of.

    Least squares undoes that resize exactly, with gradient, where sampling or pooling would blur; maps that are on the
    grid already come back as they are.

    Args:
        maps: resized with `align_corners=False`, H >= gh and W >= gw.
        grid_hw: patches in rows and columns.

    Example:
        >>> grid = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]]]])
        >>> image = F.interpolate(grid, size=(8, 8), mode="bilinear", align_corners=False)
        >>> patch_grid(image, (2, 2)).round(decimals=4).tolist()
        [[[[0.0, 1.0], [2.0, 5.0]]]]
    """
    if tuple(maps.shape[-2:]) == tuple(grid_hw):
        return maps
    rows, columns = (
        inverse_resize(size, patches).to(maps) for size, patches in zip(maps.shape[-2:], grid_hw, strict=True)
    )
    return rows @ maps @ columns.T


@lru_cache(maxsize=16)
def inverse_resize(size: int, patches: int) -> Tensor:
    """Return the matrix (patches, size) that undoes a linear resize from `patches` to `size`."""
    resize = F.interpolate(torch.eye(patches, dtype=torch.float64)[None], size=size, mode="linear")[0].T
    return torch.linalg.pinv(resize)
