"""A mean in which a slice counts or does not."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return sum(weight * values) / sum(weight), or exactly 0, with the graph whole, where nothing has weight.

    Nothing is selected by index, so nothing waits for the device.

    Args:
        values: (B,), finite.
        weight: (B,), 0 or 1.

    Example:
        >>> import torch
        >>> weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([0.0, 1.0])).item()
        5.0
    """
    return (weight * values).sum() / weight.sum().clamp(min=1)


ROUNDING = 1e-6
"""Differences below this share of a map's values are float32 rounding: such a map is constant."""


def unit_range(maps: Tensor) -> Tensor:
    """Return each map (B, ...) scaled to [0, 1] by its own minimum and maximum; a constant map becomes zeros.

    Example:
        >>> unit_range(torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0]])).tolist()
        [[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    """
    flat = maps.flatten(1)
    low, high = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    constant = high - low <= ROUNDING * torch.maximum(low.abs(), high.abs())
    unit = (flat - low) / torch.where(constant, torch.ones_like(low), high - low)
    return torch.where(constant, torch.zeros_like(unit), unit).reshape(maps.shape)


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
