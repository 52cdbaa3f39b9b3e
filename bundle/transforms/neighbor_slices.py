"""Neighbors of a slice, which a network may see beside it as further channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor


class NeighborSlices:
    """Names the slices that an input of the network holds: one alone, or one, one before it and one after it.

    Data set and inferer share it. At the ends of a scan its last slice stands in for those beyond. A scan has one
    spacing, that of its affine: uneven distances are not followed, and pictures of slices count as 1 mm apart.

    Args:
        distance_mm: of the neighbors, which are the slices nearest to it and at least the next ones; 0 takes the next
            ones whatever their distance, None takes no neighbors.

    Raises:
        ValueError: a negative distance.

    Example:
        >>> neighbors = NeighborSlices(distance_mm=5.0)
        >>> neighbors.count, neighbors.step(spacing_mm=2.5), neighbors.step(spacing_mm=6.0)
        (3, 2, 1)
        >>> neighbors.rows(np.arange(4), first=0, last=3, step=2).tolist()
        [[0, 1, 2, 3], [0, 0, 0, 1], [2, 3, 3, 3]]
        >>> NeighborSlices().rows(np.arange(4), first=0, last=3, step=1).tolist()
        [[0, 1, 2, 3]]
    """

    def __init__(self, distance_mm: float | None = None) -> None:
        if distance_mm is not None and not 0 <= distance_mm < np.inf:
            raise ValueError(f"neighbor_mm must be at least 0, or null for none, got {distance_mm}: correct it.")
        self.distance_mm = distance_mm

    @property
    def count(self) -> int:
        """Slices that an input holds."""
        return 1 if self.distance_mm is None else 3

    def step(self, spacing_mm: float) -> int:
        """Return how many slices further a neighbor lies.

        Args:
            spacing_mm: from slice to slice; only a distance above 0 asks for it.

        Raises:
            ValueError: the spacing is not known.
        """
        if not self.distance_mm:
            return 1
        if not spacing_mm > 0:
            raise ValueError(
                f"the spacing of the slices must be known to find neighbors {self.distance_mm:g} mm away, got none: "
                "set neighbor_mm to 0, which takes the next slices, or give the image its affine."
            )
        return max(1, round(self.distance_mm / spacing_mm))

    def rows(self, slices: NDArray[np.int64], first: ArrayLike, last: ArrayLike, step: ArrayLike) -> NDArray[np.int64]:
        """Return (count, n) positions: the slices themselves, those before and those after them.

        Args:
            slices: (n,) positions.
            first: of the scan of each slice.
            last: of the scan of each slice.
            step: from slice to neighbor.
        """
        ways = (0, -1, 1)[: self.count]
        return np.stack([np.clip(slices + way * np.asarray(step), first, last) for way in ways])


def stacked(images: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Return (n, count * C, H, W) inputs of a network, the channels of the slices themselves first.

    Args:
        images: (m, C, H, W) slices.
        rows: (count, n) positions among them, see `NeighborSlices.rows`.

    Example:
        >>> stacked(torch.arange(3.0).reshape(3, 1, 1, 1), np.array([[0, 2], [0, 1], [1, 2]])).flatten(1).tolist()
        [[0.0, 0.0, 1.0], [2.0, 1.0, 2.0]]
    """
    return images[torch.from_numpy(rows.T).to(images.device)].flatten(1, 2)


def slice_spacing_mm(volume: Any) -> float:
    """Return the distance of the slices along the last axis of (..., H, W, D); NaN of a tensor without an affine.

    Args:
        volume: a MetaTensor, of a volume or of a batch of one.

    Example:
        >>> slice_spacing_mm(torch.zeros(1, 2, 2, 2))
        nan
    """
    affine = getattr(volume, "affine", None)
    return float("nan") if affine is None else float(np.linalg.norm(np.asarray(affine).reshape(-1, 4, 4)[0, :3, 2]))
