"""Scale maps and slices to [0, 1]: the one min-max formula of attribution, losses, metrics and transforms."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Relative range of float32 rounding: a map whose range is at most this share of its largest magnitude is constant."""


def min_max_normalize(values: Tensor, start_dim: int = 1, *, tolerance: float = ROUNDING) -> Tensor:
    """Scale each map to [0, 1] by its own minimum and maximum; a constant map becomes zeros.

    Nothing waits for the device. NaN in a map makes that map NaN. Gradients are finite, 0 for a constant map.

    Args:
        values: floating point, (B, ...); the input is left as it is.
        start_dim: first axis of a map: 1 for one range per sample, 2 for one range per sample and channel.
        tolerance: largest relative range of a constant map; 0 for maps whose values are exactly equal.

    Returns:
        Tensor of the same shape and type.

    Example:
        >>> min_max_normalize(torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.0, 5.0]])).tolist()
        [[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
    """
    axes = tuple(range(start_dim, values.ndim))
    low, high = values.amin(dim=axes, keepdim=True), values.amax(dim=axes, keepdim=True)
    span = high - low
    constant = span <= tolerance * torch.maximum(low.abs(), high.abs())
    # in place: one copy of a large batch; a finite number over infinity is exactly 0
    return (values - low).div_(span.masked_fill(constant, torch.inf))
