"""Maps between 0 and 1."""

from __future__ import annotations

import torch
from torch import Tensor


def unit_range(maps: Tensor) -> Tensor:
    """Return each map (B, ...) scaled to [0, 1] by its own minimum and maximum; a constant map becomes zeros.

    Example:
        >>> unit_range(torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0]])).tolist()
        [[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    """
    flat = maps.flatten(1)
    low = flat.amin(dim=1, keepdim=True)
    span = flat.amax(dim=1, keepdim=True) - low
    return ((flat - low) / torch.where(span > 0, span, torch.ones_like(span))).reshape(maps.shape)
