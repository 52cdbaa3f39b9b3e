"""All scores of a batch of maps."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bundle.metrics.iou_curve import IOU_THRESHOLDS, iou_curve
from bundle.metrics.map_energy import map_energy
from bundle.metrics.pointing_game import pointing_game


def map_scores(maps: Tensor, masks: Tensor, thresholds: Sequence[float] = IOU_THRESHOLDS) -> dict[str, Tensor]:
    """Return how well each map finds its mask, on the maps' device and without waiting for it.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.
        thresholds: T cuts of the IoU curve.

    Returns:
        `energy_in_mask`, `energy_ratio` and `pointing_game`, each (B,), and `iou` (B, T); NaN for empty masks.

    Raises:
        ValueError: shapes differ.

    Example:
        >>> import torch
        >>> scores = map_scores(torch.eye(4)[None, None], torch.eye(4)[None, None])
        >>> scores["energy_ratio"].item(), scores["pointing_game"].item(), scores["iou"].shape
        (4.0, 1.0, torch.Size([1, 19]))
    """
    if maps.shape != masks.shape or maps.ndim != 4 or maps.shape[1] != 1:
        raise ValueError(f"Expected maps and masks (B, 1, H, W), got {tuple(maps.shape)} and {tuple(masks.shape)}.")
    energy_in_mask, energy_ratio = map_energy(maps, masks)
    return {
        "energy_in_mask": energy_in_mask,
        "energy_ratio": energy_ratio,
        "pointing_game": pointing_game(maps, masks),
        "iou": iou_curve(maps, masks, thresholds),
    }
