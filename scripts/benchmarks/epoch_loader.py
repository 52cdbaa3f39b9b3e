"""Baselines of the data path, without code of the project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from monai.data import CacheDataset, Dataset, PersistentDataset
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    MapTransform,
    Orientationd,
)
from torch import Tensor

BATCH = 32


def epoch_of_loader(items: Sequence[dict[str, Any]], size: int) -> int:
    """Read every case anew, scale and resize each slice, and return the number of slices: what an epoch pays."""
    return sum(len(image) for item in items for image, _ in batches_of_case(item, size))


def batches_of_case(item: dict[str, Any], size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images (B, 3, S, S) and masks (B, 1, S, S) of one case, slice by slice as the paper's code does."""
    channels = [np.asarray(nibabel.load(file).dataobj, dtype=np.float32) for file in item["image"]]
    volume, mask = np.stack(channels), np.asarray(nibabel.load(item["label"]).dataobj)
    for start in range(0, volume.shape[-1], BATCH):
        places = range(start, min(start + BATCH, volume.shape[-1]))
        images = [one_slice(volume[..., place], size) for place in places]
        masks = [F.interpolate(torch.from_numpy(mask[..., place])[None, None], size=(size, size)) for place in places]
        yield torch.cat(images), torch.cat(masks)


def one_slice(channels: np.ndarray, size: int) -> Tensor:
    """Min-max and bicubic resize of one slice, (C, H, W) -> (1, C, S, S)."""
    image = torch.from_numpy(channels)
    low, high = image.amin((1, 2), keepdim=True), image.amax((1, 2), keepdim=True)
    unit = (image - low) / (high - low).clamp(min=1e-6)
    return F.interpolate(unit[None], size=(size, size), mode="bicubic")


def monai_datasets(items: Sequence[dict[str, Any]], size: int, folder: Path) -> dict[str, Dataset]:
    """Return MONAI's caches of whole cases, in memory and on disk, filled."""
    keys = ("image", "label")
    transform = Compose(
        [
            LoadImaged(keys, image_only=True),
            EnsureChannelFirstd(keys),
            Orientationd(keys, axcodes="LPS", labels=[["R", "L"], ["A", "P"], ["I", "S"]]),
            SliceSized(keys, size),
        ]
    )
    plain = [{key: item[key] for key in keys} for item in items]
    cached: dict[str, Dataset] = {
        "cache_dataset": CacheDataset(plain, transform, num_workers=None, progress=False),
        "persistent_dataset": PersistentDataset(plain, transform, folder),
    }
    epoch_of_cases(cached["persistent_dataset"])
    return cached


def epoch_of_cases(dataset: Dataset) -> int:
    """Cut every cached case into batches of slices, in the order of the scans; return the number of slices."""
    count = 0
    for case in dataset:
        image, mask = case["image"], case["label"]
        for start in range(0, image.shape[-1], BATCH):
            images = image[..., start : start + BATCH].permute(3, 0, 1, 2).contiguous()
            mask[..., start : start + BATCH].permute(3, 0, 1, 2).contiguous()
            count += len(images)
    return count


class SliceSized(MapTransform):
    """Scale and resize all slices of a volume at once, (C, H, W, D) -> (C, S, S, D)."""

    def __init__(self, keys: Sequence[str], size: int) -> None:
        super().__init__(keys)
        self.size = (size, size)

    def __call__(self, data: dict[str, Any]) -> dict[str, Tensor]:
        """Return image (float32) and mask as plain tensors."""
        image = data["image"].as_tensor().permute(3, 0, 1, 2).contiguous()
        mask = data["label"].as_tensor().permute(3, 0, 1, 2).contiguous()
        low, high = image.amin((2, 3), keepdim=True), image.amax((2, 3), keepdim=True)
        unit = (image - low) / (high - low).clamp(min=1e-6)
        images = F.interpolate(unit, size=self.size, mode="bicubic").permute(1, 2, 3, 0)
        return {"image": images, "label": F.interpolate(mask, size=self.size).permute(1, 2, 3, 0)}
