"""Slices as they lie in the file, the way ITK hands them to NumPy."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform
from torch import Tensor

# exchanges the first two voxel axes
_SWAP = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=torch.float64)


class FileOrderd(MapTransform, InvertibleTransform):
    """Exchange the first two voxel axes: rows along the file's second axis, columns along its first.

    This is how ITK hands a slice to numpy and so what the paper's experiments saw; use it in place of `Orientationd`.
    For files whose axes point left, posterior, superior (BraTS) both give the same. The affine's columns move with the
    axes, and `Invertd` swaps them back.

    Args:
        keys: (C,X,Y,Z) volumes.
        allow_missing_keys: accept cases without some of the keys.

    Source: the authors' code, which reads files by ITK.

    Example:
        >>> FileOrderd(keys="image")({"image": torch.zeros(1, 4, 6, 2)})["image"].shape
        torch.Size([1, 6, 4, 2])
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Exchange the axes of every key that is there."""
        case = dict(data)
        for key in self.key_iterator(case):
            case[key] = _swapped(case[key])
            self.push_transform(case, key)
        return case

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Exchange them back."""
        case = dict(data)
        for key in self.key_iterator(case):
            self.pop_transform(case, key)
            case[key] = _swapped(case[key])
        return case


def _swapped(volume: Tensor) -> Tensor:
    swapped = volume.transpose(1, 2)
    if isinstance(swapped, MetaTensor):
        swapped.affine = swapped.affine @ _SWAP.to(swapped.affine)
    return swapped
