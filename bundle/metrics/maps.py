"""Scores of attribution maps against masks: energy, pointing game and IoU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from bundle.metrics.binary_scores import ratio
from bundle.scaling import min_max_normalize


def map_energy(maps: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of each map's energy inside its mask, and that share over the mask's share of the slice.

    The energy of a pixel is its value above the slice's minimum, so that maps with negative values (the embedding
    half of EAFEM) count too and adding a constant changes nothing. A constant map counts as spread evenly: ratio 1.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.

    Returns:
        `energy_in_mask` (B,) in [0, 1] and `energy_ratio` (B,), 1 for a map without information; NaN for empty masks.

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


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Return 1 if a map's largest pixel lies in the mask, else 0.

    If several pixels share the maximum, the score is the share of them inside the mask: the chance of a hit for one at
    random, the same on every device. So a constant map scores the mask's share of the slice.

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
    share = (top & inside).sum(dim=1) / top.sum(dim=1)
    return torch.where(inside.any(dim=1), share, torch.full_like(share, torch.nan))


IOU_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Thresholds from 0.05 to 0.95 on a map scaled to [0, 1]."""


def iou_curve(maps: Tensor, masks: Tensor, thresholds: Sequence[float] = IOU_THRESHOLDS) -> Tensor:
    """Return intersection over union of mask and map for each threshold.

    Each map is scaled to [0, 1] on its own (a constant map becomes zeros); a pixel is inside from the threshold on.
    Choose the best threshold on validation data.

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
    scaled = min_max_normalize(maps.flatten(1).float(), tolerance=0)
    # One threshold after the other: all at once would hold T times the batch.
    curve = torch.stack([_iou(scaled >= threshold, inside) for threshold in thresholds], dim=1)
    return torch.where(inside.any(dim=1, keepdim=True), curve, torch.full_like(curve, torch.nan))


def _iou(predicted: Tensor, inside: Tensor) -> Tensor:
    """Return (B,) intersection over union of two (B, HW) masks."""
    return (predicted & inside).sum(dim=1) / (predicted | inside).sum(dim=1)


def best_iou_index(curves: NDArray, labels: ArrayLike) -> int | None:
    """Return the index of the threshold with the largest mean IoU over positive slices with a mask, first of equals.

    Args:
        curves: (n, T) of `iou_curve`, NaN for slices without a mask.
        labels: (n,) classes; only those above 0 count.

    Returns:
        An index below T; None if no slice counts.

    Example:
        >>> best_iou_index(np.array([[0.1, 0.4], [0.9, 0.0]]), [1, 0])
        1
    """
    counted = curves[(np.asarray(labels) > 0) & ~np.isnan(curves).any(axis=1)]
    return int(counted.mean(axis=0).argmax()) if len(counted) else None


def map_scores(maps: Tensor, masks: Tensor, thresholds: Sequence[float] = IOU_THRESHOLDS) -> dict[str, Tensor]:
    """Return all scores of each map against its mask, on the maps' device and without waiting for it.

    Args:
        maps: (B, 1, H, W).
        masks: (B, 1, H, W), nonzero inside.
        thresholds: T thresholds of the IoU curve.

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
        raise ValueError(
            f"maps and masks must be (B, 1, H, W) of one shape, got {tuple(maps.shape)} and {tuple(masks.shape)}: "
            "resize the masks to the maps."
        )
    energy_in_mask, energy_ratio = map_energy(maps, masks)
    return {
        "energy_in_mask": energy_in_mask,
        "energy_ratio": energy_ratio,
        "pointing_game": pointing_game(maps, masks),
        "iou": iou_curve(maps, masks, thresholds),
    }


class MapScorer:
    """Averages map scores over positive slices that have a mask, under any weights, so that patients can be resampled.

    Args:
        scores: arrays of `map_scores`: (n,), and `iou` (n, T).
        labels: (n,) classes; slices of class 0 and -1 do not count, nor do those whose scores are NaN.
        iou_index: index of the threshold among T, chosen on validation data by `best_iou_index`.

    Example:
        >>> scorer = MapScorer({"pointing_game": np.array([1.0, 0.0, np.nan])}, [1, 1, 1])
        >>> scorer(np.array([3.0, 1.0, 5.0])), scorer.count
        ({'pointing_game': 0.75}, 2)
    """

    def __init__(self, scores: Mapping[str, NDArray], labels: ArrayLike, iou_index: int = 0) -> None:
        columns = {name: values[:, iou_index] if values.ndim == 2 else values for name, values in scores.items()}
        counts = np.asarray(labels) > 0
        for values in columns.values():
            counts = counts & ~np.isnan(values)
        self._used = np.flatnonzero(counts) if columns else np.zeros(0, dtype=np.int64)
        self._columns = {name: values[self._used].astype(np.float64) for name, values in columns.items()}
        self.count = len(self._used)

    def __call__(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the weighted means; `weights` (n,) counts all slices, None counts each once."""
        kept = np.ones(self.count) if weights is None else np.asarray(weights, dtype=np.float64)[self._used]
        total = float(kept.sum())
        return {name: ratio(float(kept @ values), total) for name, values in self._columns.items()}
