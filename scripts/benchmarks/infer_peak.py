"""A process that infers one volume and says how much memory that took beyond the volume and its result."""

from __future__ import annotations

import json
import sys

import torch

from benchmarks.infer import BATCH, infer, volume_of
from benchmarks.resident import resident_now, resident_peak
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
    before = resident_now()  # the peak of making the volume does not count
    result = infer(inferer, network, volume)
    print(json.dumps({"megabytes": resident_peak() - before - result.numel() * 4 / 2**20}))


if __name__ == "__main__":
    main()
