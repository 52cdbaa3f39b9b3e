"""Delivery of slices from the store to the device, without a network to use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from benchmarks.gpu.setting import Row, Setting
from benchmarks.timings import Timings
from bundle.data import SliceDataLoader, SliceDataset
from bundle.handlers import PrepareSliceBatch


class RandomSlices:
    """Makes the slices of a case of noise, so that no volume need be written first.

    Args:
        side: of a slice in pixels.
        depth: slices a case.
    """

    def __init__(self, side: int, depth: int) -> None:
        self.side, self.depth = side, depth

    def __call__(self, item: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the slices of one case; every other one is positive."""
        mask = torch.zeros(1, self.side, self.side, dtype=torch.uint8)
        return [
            {
                "image": torch.rand(3, self.side, self.side),
                "mask": mask,
                "label": torch.tensor([float(k % 2)]),
                "slice_index": k,
            }
            for k in range(self.depth)
        ]


def measure(setting: Setting) -> Iterator[Row]:
    """Yield slices a second for some numbers of loading processes, and for pageable memory."""
    scale = setting.scale
    depth, cases, counts = (4, 2, (0,)) if setting.quick else (155, 12, (0, 4, 8, 16))
    with TemporaryDirectory() as folder:
        items = [{"image": f"case_{n}", "case": f"case_{n}", "patient": f"case_{n}", "site": "x"} for n in range(cases)]
        dataset = SliceDataset(items, RandomSlices(scale.image_size, depth), Path(folder))
        loaders = {f"{count} processes": loader_of(setting, dataset, count, pinned=True) for count in counts}
        loaders |= {f"{counts[-1]} processes, pageable": loader_of(setting, dataset, counts[-1], pinned=False)}
        for name, loader in loaders.items():
            times = Timings.interleaved(
                {name: lambda loader=loader: deliver(setting, loader)}, 1 if setting.quick else 3
            )
            speed = len(dataset) / times.median(name)
            note = f"{speed * 3 * scale.image_size**2 * 2 / 1e9:.3g} GB/s of float16"
            yield Row(f"store to device, {name}", speed, "slices/s", note)


def loader_of(setting: Setting, dataset: SliceDataset, workers: int, *, pinned: bool) -> SliceDataLoader:
    """Return the loader of `configs/train.json` in shuffled order."""
    pin = pinned and setting.is_gpu
    return SliceDataLoader(dataset, "shuffle", setting.scale.batch_size, num_workers=workers, pin_memory=pin)


def deliver(setting: Setting, loader: SliceDataLoader) -> None:
    """Bring every batch of an epoch to the device as float32."""
    prepare, device = PrepareSliceBatch(), torch.device(setting.device)
    for batch in loader:
        prepare(batch, device, non_blocking=True)
    setting.wait()
