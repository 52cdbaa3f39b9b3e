"""A map that always points at the centre."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def centre_prior(image_hw: Sequence[int], sigma_fraction: float = 0.25) -> Tensor:
    """Return an isotropic Gaussian at the image centre: the baseline a map must beat, because lesions lie centrally.

    Args:
        image_hw: height and width in pixels.
        sigma_fraction: standard deviation over the shorter side.

    Returns:
        (1, 1, H, W) with values up to 1.

    Example:
        >>> centre_prior((3, 3)).argmax().item()
        4
    """
    height, width = image_hw
    sigma_px = sigma_fraction * min(height, width)
    rows = torch.arange(height) - (height - 1) / 2
    columns = torch.arange(width) - (width - 1) / 2
    squared = rows[:, None] ** 2 + columns[None, :] ** 2
    return torch.exp(-squared / (2 * sigma_px**2))[None, None]
