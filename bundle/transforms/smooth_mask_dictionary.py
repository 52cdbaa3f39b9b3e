"""The blur of masks for slice dicts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.transforms import Transform

from bundle import keys as names
from bundle.transforms.smooth_mask import SmoothMask


class SmoothMaskd(Transform):
    """Add `smoothed_mask` (1,H,W) float32 beside the `mask` (1,H,W) of a slice dict.

    Args:
        keys: entry that holds the mask.
        kernel_size_px: see `SmoothMask`.
        sigma: see `SmoothMask`.
        output_key: entry that receives the blurred mask.

    Example:
        >>> import torch
        >>> sorted(SmoothMaskd(kernel_size_px=3)({"mask": torch.ones(1, 8, 8)}))
        ['mask', 'smoothed_mask']
    """

    def __init__(
        self,
        keys: str = names.MASK,
        kernel_size_px: int = 51,
        sigma: float | None = None,
        output_key: str = names.SMOOTHED_MASK,
    ) -> None:
        self.keys = keys
        self.output_key = output_key
        self.smooth = SmoothMask(kernel_size_px=kernel_size_px, sigma=sigma)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Blur the mask of one slice."""
        return {**data, self.output_key: self.smooth(data[self.keys].unsqueeze(0)).squeeze(0)}
