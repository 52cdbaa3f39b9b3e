"""Overlap of a thresholded map with the mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

IOU_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""0.05 to 0.95: where on the map's own scale from 0 to 1 it is cut."""


def iou_curve(maps: Tensor, masks: Tensor, thresholds: Sequence[float] = IOU_THRESHOLDS) -> Tensor:
    """Return intersection over union of mask and map for each threshold.

    Each map is scaled to [0, 1] on its own (a constant one becomes zeros) and cut where it reaches the threshold. The
    best threshold is to be chosen on validation data.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.
        thresholds: T numbers in (0, 1].

    Returns:
        (B, T); NaN for empty masks.

    Example:
        >>> iou_curve(torch.tensor([[[[0.0, 2.0, 4.0]]]]), torch.tensor([[[[0, 0, 1]]]]), [0.4, 0.8])
        tensor([[0.5000, 1.0000]])
    """
    inside = (masks != 0).flatten(1)  # (B, HW)
    values = maps.flatten(1).float()
    low, high = values.aminmax(dim=1, keepdim=True)
    scaled = torch.where(high > low, (values - low) / (high - low), torch.zeros_like(values))
    # One threshold after the other: all at once would hold T times the batch.
    curve = torch.stack([overlap(scaled >= threshold, inside) for threshold in thresholds], dim=1)
    return torch.where(inside.any(dim=1, keepdim=True), curve, torch.full_like(curve, torch.nan))


def overlap(one: Tensor, other: Tensor) -> Tensor:
    """Return (B,) intersection over union of two (B, HW) masks."""
    return (one & other).sum(dim=1) / (one | other).sum(dim=1)
