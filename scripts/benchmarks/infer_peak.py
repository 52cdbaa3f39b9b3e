"""A process that infers one volume and says how much memory that took beyond the volume and its result."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from benchmarks.infer import BATCH, infer, volume_of
from benchmarks.scale import Scale
from bundle.attribution import EAFEM
from bundle.inferers import SliceInferer
from bundle.networks import SliceViT
from bundle.transforms import SliceTransform


def main() -> None:
    """Print the megabytes as JSON."""
    scale = Scale(**json.loads(sys.argv[1]))
    torch.set_num_threads(1)
    network = SliceViT(**scale.network).eval()
    inferer = SliceInferer(SliceTransform(scale.image_size), EAFEM(), BATCH)
    volume = volume_of(scale, scale.depth)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of making the volume
    before = megabytes("VmRSS")
    result = infer(inferer, network, volume)
    print(json.dumps({"megabytes": megabytes("VmHWM") - before - result.numel() * 4 / 2**20}))


def megabytes(name: str) -> float:
    """Return what Linux says of this process: VmRSS, in memory now, or VmHWM, the most since the peak was forgotten."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) / 2**10


if __name__ == "__main__":
    main()
