"""Maps between 0 and 1."""

from __future__ import annotations

import torch
from torch import Tensor

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
