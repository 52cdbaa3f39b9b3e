"""Inference of a volume against a loop over its slices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.allocated_peak import allocated_peak
from benchmarks.figure import Figure
from benchmarks.plain_vit import PlainViT
from benchmarks.scale import Scale
from benchmarks.timings import Timings
from benchmarks.volumes import BLANK, ellipsoid
from bundle.attribution import EAFEM
from bundle.inferers import SliceInferer
from bundle.networks import SliceViT
from bundle.transforms import SliceTransform

BATCH = 32


def measure(scale: Scale) -> list[Figure]:
    """Return the figure of inference, with maps and blank slices left out, and its memory at two depths."""
    torch.set_num_threads(scale.threads)
    volume = volume_of(scale, scale.depth)
    seen = volume[0, ..., (volume[0] > 0).any(dim=0).any(dim=0).any(dim=0)]
    plain, network = PlainViT(**scale.network).eval(), SliceViT(**scale.network).eval()
    inferer = SliceInferer(SliceTransform(scale.image_size), EAFEM(), BATCH)
    images = SliceTransform(scale.image_size).image(seen.permute(3, 0, 1, 2))
    actions: dict[str, Callable[[], object]] = {
        "naive": partial(slice_by_slice, plain, volume[0], scale.image_size),
        "infer": partial(infer, inferer, network, volume),
        "logits_of_seen_slices": partial(only_logits, network, images),
    }
    times = Timings.interleaved(actions, max(2, scale.repetitions // 2))
    details = {"slices": volume.shape[-1], "seen_slices": seen.shape[-1], "blank_share_wanted": BLANK}
    return [
        times.figure(
            "infer_over_naive",
            "infer",
            "naive",
            floor="logits_of_seen_slices",
            **details,
            memory_beyond_volume_and_result=memory_at_two_depths(scale, inferer, network),
        )
    ]


def volume_of(scale: Scale, depth: int) -> Tensor:
    """Return a volume (1, 3, H, W, D) of noise in a head, blank at its ends."""
    head = torch.from_numpy(ellipsoid(scale.side, depth, 0.42)).float()
    return (torch.rand(1, 3, scale.side, scale.side, depth) + 0.1) * head


@torch.no_grad()
def slice_by_slice(network: torch.nn.Module, volume: Tensor, size: int) -> Tensor:
    """Return the probability of every slice of (3, H, W, D), one forward pass each and no maps."""
    probabilities = []
    for index in range(volume.shape[-1]):
        image = volume[None, ..., index]
        low, high = image.amin((2, 3), keepdim=True), image.amax((2, 3), keepdim=True)
        unit = (image - low) / (high - low).clamp(min=1e-6)
        resized = F.interpolate(unit, size=(size, size), mode="bicubic")
        probabilities.append(network(resized).sigmoid())
    return torch.cat(probabilities)


@torch.no_grad()
def infer(inferer: SliceInferer, network: SliceViT, volume: Tensor) -> Tensor:
    """Return maps and probabilities."""
    return inferer(volume, network)


@torch.no_grad()
def only_logits(network: SliceViT, images: Tensor) -> None:
    """Forward passes of ready slices in batches: nothing that gives an answer for them is cheaper."""
    for batch in images.split(BATCH):
        network(batch)


def memory_at_two_depths(scale: Scale, inferer: SliceInferer, network: SliceViT) -> dict[str, float]:
    """Return the peak of what torch allocates beyond the volume and its result, in megabytes."""
    found = {}
    for depth in (2 * BATCH, 4 * BATCH):
        volume = volume_of(scale, depth)
        result = 2 * volume[0, 0].numel() * 4  # map and probability
        found[str(depth)] = (allocated_peak(partial(infer, inferer, network, volume)) - result) / 2**20
    return found
