"""Reductions of maps: the mean over weighted slices, and the patch values behind a resized map."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return sum(weight * values) / sum(weight), or exactly 0, with gradients of 0, if no slice has weight.

    Multiplies instead of selecting by index, so that nothing waits for the device.

    Args:
        values: (B,), finite.
        weight: (B,), 0 or 1.

    Example:
        >>> import torch
        >>> weighted_mean(torch.tensor([1.0, 5.0]), torch.tensor([0.0, 1.0])).item()
        5.0
    """
    return (weight * values).sum() / weight.sum().clamp(min=1)


def patch_grid(maps: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """Return the patch values (B, 1, gh, gw) behind maps (B, 1, H, W) that a bilinear resize made of them.

    Least squares inverts the resize exactly and keeps the gradient; sampling or pooling would blur. Maps already on the
    patch grid are returned unchanged.

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
        _inverse_resize(size, patches, maps.device, maps.dtype)
        for size, patches in zip(maps.shape[-2:], grid_hw, strict=True)
    )
    return rows @ maps @ columns.T


@lru_cache(maxsize=16)
def _inverse_resize(size: int, patches: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return the matrix (patches, size) that inverts a linear resize from `patches` to `size`.

    It is kept on the device: a copy from the CPU in every step would wait for it.
    """
    resize = F.interpolate(torch.eye(patches, dtype=torch.float64)[None], size=size, mode="linear")[0].T
    return torch.linalg.pinv(resize).to(device, dtype)
