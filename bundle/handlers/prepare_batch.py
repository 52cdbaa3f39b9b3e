"""Batches of slices, moved to the device of an engine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bundle import keys


class PrepareSliceBatch:
    """Moves every tensor of a batch to the device, in place, and turns the store's compact images into float32.

    The batch stays complete on the device, because the localization loss needs mask and supervision flags there;
    nothing here waits for the device. Images kept as uint8 hold 0..255 for [0, 1].

    Args:
        memory_format: layout of the images; `torch.channels_last` may help convolutions.

    Returns:
        Image (B, C, H, W) float32 and label (B, 1) float32, or (B,) int64 for several classes.

    Example:
        >>> batch = {"image": torch.full((2, 1, 4, 4), 255, dtype=torch.uint8), "label": torch.ones(2, 1)}
        >>> image, label = PrepareSliceBatch()(batch, torch.device("cpu"))
        >>> image.dtype, float(image.max())
        (torch.float32, 1.0)
    """

    def __init__(self, memory_format: torch.memory_format = torch.contiguous_format) -> None:
        self.memory_format = memory_format

    def __call__(
        self, batch: dict[str, Any], device: str | torch.device | None = None, non_blocking: bool = False, **_: Any
    ) -> tuple[Tensor, Tensor]:
        """Return (image, label) of a batch that now lies on `device`."""
        for key, value in batch.items():
            if isinstance(value, Tensor):
                batch[key] = value.to(device, non_blocking=non_blocking)
        batch[keys.IMAGE] = _as_float_image(batch[keys.IMAGE]).contiguous(memory_format=self.memory_format)
        return batch[keys.IMAGE], batch[keys.LABEL]


def _as_float_image(image: Tensor) -> Tensor:
    """Return an image of the store as float32; uint8 stands for multiples of 1/255."""
    return image.float() / 255 if image.dtype == torch.uint8 else image.float()
