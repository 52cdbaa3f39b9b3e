"""Does the map's highest pixel lie in the mask."""

from __future__ import annotations

import torch
from torch import Tensor


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Return 1 where a map's largest pixel lies in the mask, 0 where it does not.

    Where several pixels share the maximum it is the part of them that lies in the mask: the chance of a hit if one
    were drawn, the same on every device. A constant map so scores the mask's share of the slice.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.

    Returns:
        (B,); NaN for empty masks.

    Source:
        Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016, section 4.2 (without tolerance).

    Example:
        >>> pointing_game(torch.tensor([[[[0.0, 3.0, 1.0]]]]), torch.tensor([[[[0, 1, 0]]]])).item()
        1.0
    """
    inside = (masks != 0).flatten(1)  # (B, HW)
    values = maps.flatten(1)
    top = values == values.amax(dim=1, keepdim=True)
    hits = (top & inside).sum(dim=1) / top.sum(dim=1)
    return torch.where(inside.any(dim=1), hits, torch.full_like(hits, torch.nan))
