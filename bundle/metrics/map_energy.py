"""How much of a map lies in the mask."""

from __future__ import annotations

import torch
from torch import Tensor


def map_energy(maps: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of each map's energy inside its mask, and that share over the mask's share of the slice.

    The energy of a pixel is its value above the slice's minimum, so that maps with negative values (the embedding
    half of EAFEM) count too and adding a constant changes nothing. A constant map counts as spread evenly: ratio 1.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.

    Returns:
        `energy_in_mask` (B,) in [0, 1] and `energy_ratio` (B,), 1 for a map that knows nothing; NaN for empty masks.

    Example:
        >>> share, ratio = map_energy(torch.tensor([[[[-1.0, 0.0, 0.0, 2.0]]]]), torch.tensor([[[[0, 0, 0, 1]]]]))
        >>> round(share.item(), 3), round(ratio.item(), 3)
        (0.6, 2.4)
    """
    inside = (masks != 0).flatten(1).float()  # (B, HW)
    energy = maps.flatten(1).float()
    energy = energy - energy.amin(dim=1, keepdim=True)
    total = energy.sum(dim=1, keepdim=True)
    energy = torch.where(total > 0, energy, torch.ones_like(energy))
    mask_share = inside.mean(dim=1)
    share = (energy * inside).sum(dim=1) / energy.sum(dim=1)
    share = torch.where(mask_share > 0, share, torch.full_like(share, torch.nan))
    return share, share / mask_share
