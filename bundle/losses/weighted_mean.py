"""A mean in which a slice counts or does not."""

from __future__ import annotations

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
