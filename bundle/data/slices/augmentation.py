"""Augmentation of slices as a function of (seed, epoch, slice)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Randomizable
from torch import Tensor

from bundle.keys import IMAGE, MASK


class SliceRequest(NamedTuple):
    """Request of a loader for a slice: all that a worker process, which keeps no state, needs to make it.

    Args:
        index: position in the dataset.
        epoch: from 1; augmentation depends on it.
        ignored: True for a slice that only fills a rank's batch: label -1, not supervised.

    Example:
        >>> SliceRequest(7, epoch=2)
        SliceRequest(index=7, epoch=2, ignored=False)
    """

    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody calls here
    epoch: int = 1
    ignored: bool = False

    @classmethod
    def of(cls, index: int | SliceRequest, length: int) -> SliceRequest:
        """Return the request for a slice, counted from the end if negative."""
        asked = index if isinstance(index, SliceRequest) else cls(int(index))
        if not -length <= asked.index < length:
            raise IndexError(f"slice must be from 0 to {length - 1}, got {asked.index}: the data set has no other.")
        return asked if asked.index >= 0 else asked._replace(index=asked.index + length)


class SliceAugmentation:
    """Applies MONAI's random dictionary transforms to single slices, seeded anew for each one.

    So a slice looks the same in an epoch whatever worker, process or resumed run makes it.

    Args:
        transform: a transform or a list of them; gets "image" (C,H,W) and "mask" (1,H,W), both float32.
        seed: of the run.

    Raises:
        ValueError: the transform changed the shape of a slice.

    Example:
        >>> from monai.transforms import RandFlipd
        >>> augment = SliceAugmentation(RandFlipd(["image", "mask"], prob=1.0, spatial_axis=1), seed=0)
        >>> image, mask = augment(torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[0, 1]]]), SliceRequest(0))
        >>> image.tolist(), mask.tolist()
        ([[[2.0, 1.0]]], [[[1, 0]]])
    """

    def __init__(self, transform: Callable[[Any], Any] | Sequence[Callable[[Any], Any]], seed: int = 0) -> None:
        self.transform: Callable[[Any], Any] = transform if callable(transform) else Compose(transform)
        self.seed = seed

    def __call__(self, image: Tensor, mask: Tensor, index: SliceRequest) -> tuple[Tensor, Tensor]:
        """Return the slice as it looks in the epoch of `index`: image (C,H,W) float32 and mask (1,H,W) uint8."""
        if isinstance(self.transform, Randomizable):
            entropy = (self.seed, index.epoch, index.index)
            state = np.random.SeedSequence(entropy).generate_state(1)[0]
            self.transform.set_random_state(seed=int(state))
        changed = self.transform({IMAGE: image, MASK: mask.float()})
        if changed[IMAGE].shape != image.shape or changed[MASK].shape != mask.shape:
            raise ValueError(
                f"augmentation must keep the shapes {tuple(image.shape)} and {tuple(mask.shape)}, got "
                f"{tuple(changed[IMAGE].shape)} and {tuple(changed[MASK].shape)}: crop and resize before the store."
            )
        return _plain(changed[IMAGE]).float(), (_plain(changed[MASK]) > 0.5).to(torch.uint8)

    def of_batch(self, image: Tensor, mask: Tensor, asked: Sequence[SliceRequest]) -> tuple[Tensor, Tensor]:
        """Return image (B,C,H,W) and mask (B,1,H,W) of slices, changed one by one."""
        pairs = [self(*each) for each in zip(image, mask, asked, strict=True)]
        return torch.stack([pair[0] for pair in pairs]), torch.stack([pair[1] for pair in pairs])


def _plain(value: Any) -> Tensor:
    return value.as_tensor() if isinstance(value, MetaTensor) else torch.as_tensor(value)
