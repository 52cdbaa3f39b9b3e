"""Inference over a volume: attribution map and slice probabilities on its grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import torch
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from numpy.typing import NDArray
from torch import Tensor

from bundle.attribution import Attribution
from bundle.inferers.evidence_inferer import EvidenceInferer
from bundle.networks import EvidenceNetwork
from bundle.probabilities import SliceProbabilities
from bundle.transforms import NeighborSlices, slice_spacing_mm, stacked


class _SliceTransformLike(Protocol):
    """Transform of slices to network input and of maps back; shared by slice store and inferer."""

    def image(self, slices: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, S, S)."""

    def inverse(self, maps: Tensor, image_hw: Sequence[int]) -> Tensor:
        """(N, 1, S, S) -> (N, 1, H, W)."""


class SliceInferer(Inferer):
    """Inferer that runs a slice classifier over a volume in batches of slices.

    The result is one tensor, as evaluators, MONAI Label and MONAI Deploy require: channel 0 is the attribution on the
    grid of the volume, channels 1..K are the class probabilities, constant over a slice (K = 1 for a single logit).
    Memory beyond input and result is that of one batch, and the logits of every slice.

    Inputs that are zero everywhere after `slice_transform` are blank: their map is exactly zero, and they share the
    network's logits of one zero image, computed at most once per volume. Evaluation gives them the same values.

    Args:
        slice_transform: transform of the training slices.
        attribution: `(evidence, image_hw) -> (B, 1, H, W)`.
        batch_size: slices per forward pass.
        probabilities: makes them from the logits of all slices.
        evidence_inferer: runs a batch of slices through the network; None runs each slice once.
        neighbor_mm: distance of the slices before and after that the network sees as further channels, as in training.

    Shapes:
        (1, C, H, W, D) -> (1, 1 + K, H, W, D), float32; not contiguous: each slice is one piece of memory.

    Raises:
        ValueError: inputs are not one volume.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> from bundle.networks import SliceViT
        >>> class Same:
        ...     def image(self, slices): return slices
        ...     def inverse(self, maps, image_hw): return maps
        >>> vit = SliceViT(image_size=32, patch_size=8, in_channels=1, hidden_size=16, num_layers=1, num_heads=2)
        >>> SliceInferer(Same(), EAFEM())(torch.rand(1, 1, 32, 32, 5), vit.eval()).shape
        torch.Size([1, 2, 32, 32, 5])
    """

    def __init__(
        self,
        slice_transform: _SliceTransformLike,
        attribution: Attribution,
        batch_size: int = 32,
        probabilities: SliceProbabilities | None = None,
        evidence_inferer: EvidenceInferer | None = None,
        neighbor_mm: float | None = None,
    ) -> None:
        super().__init__()
        self.slice_transform = slice_transform
        self.attribution = attribution
        self.batch_size = batch_size
        self.probabilities = SliceProbabilities() if probabilities is None else probabilities
        self.evidence_inferer = EvidenceInferer(attribution) if evidence_inferer is None else evidence_inferer
        self.neighbors = NeighborSlices(neighbor_mm)

    def __call__(self, inputs: Tensor, network: EvidenceNetwork, *args: Any, **kwargs: Any) -> Tensor:
        """Return attribution and probabilities of the volume `inputs`."""
        if inputs.ndim != 5 or inputs.shape[0] != 1:
            raise ValueError(
                f"inputs must be one volume (1, C, H, W, D), got {tuple(inputs.shape)}: pass volumes one by one."
            )
        volume = convert_to_tensor(inputs, track_meta=False)[0]
        spacing = slice_spacing_mm(inputs)
        blank = torch.zeros_like(volume[None, ..., 0], dtype=torch.float32)  # (1, C, H, W)
        one_blank = np.zeros((self.neighbors.count, 1), dtype=np.int64)
        blank_logits = cache(lambda: self.explain(stacked(self.slice_transform.image(blank), one_blank), network)[1])
        result, logits = torch.empty(0), list[Tensor]()
        for start in range(0, volume.shape[-1], self.batch_size):
            indices = np.arange(start, min(start + self.batch_size, volume.shape[-1]))
            images = self.network_inputs(volume, indices, spacing)
            maps, of_slices = self.infer(images, volume.shape[1:3], network, blank_logits)
            if not logits:  # K is known from the first batch on
                result = _slice_by_slice(1 + of_slices.shape[1], volume.shape[1:], maps.device)
            result[0, 0, ..., start : start + len(maps)] = maps[:, 0].permute(1, 2, 0)
            logits.append(of_slices)
        probabilities = self.probabilities(torch.cat(logits))
        result[0, 1:] = probabilities.reshape(len(probabilities), -1).T[:, None, None]
        return result

    def network_inputs(self, volume: Tensor, indices: NDArray[np.int64], spacing_mm: float) -> Tensor:
        """Return what the network sees of slices, (n, C, S, S), or (n, 3 C, S, S) with neighbors.

        Args:
            volume: (C, H, W, D).
            indices: (n,) of the slices, ascending.
            spacing_mm: from slice to slice; asked for only where neighbors lie a distance away.
        """
        rows = self.neighbors.rows(indices, 0, volume.shape[-1] - 1, self.neighbors.step(spacing_mm))
        needed, place = np.unique(rows, return_inverse=True)
        is_run = needed[-1] - needed[0] + 1 == len(needed)  # a view of them is no copy
        chosen = volume[..., needed[0] : needed[-1] + 1] if is_run else volume[..., torch.from_numpy(needed)]
        images = self.slice_transform.image(chosen.permute(3, 0, 1, 2).float())
        return images if self.neighbors.count == 1 else stacked(images, place.reshape(rows.shape))

    def infer(
        self, images: Tensor, image_hw: Sequence[int], network: EvidenceNetwork, blank_logits: Callable[[], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return maps (N, 1, H, W) and logits (N, K) of network inputs (N, C, S, S); blank ones do not pass."""
        blank = _is_blank(images)
        if not blank.any():
            own_maps, logits = self.explain(images, network)
            return self.slice_transform.inverse(own_maps, image_hw), logits
        maps = images.new_zeros(len(images), 1, *image_hw)
        if blank.all():
            return maps, blank_logits().expand(len(images), -1)
        own_maps, own = self.explain(images[~blank], network)
        logits = own.new_empty(len(images), own.shape[1])
        maps[~blank], logits[~blank] = self.slice_transform.inverse(own_maps, image_hw), own
        logits[blank] = blank_logits()
        return maps, logits

    def explain(self, images: Tensor, network: EvidenceNetwork) -> tuple[Tensor, Tensor]:
        """Return maps (N, 1, S, S) and logits (N, K) of network inputs (N, C, S, S)."""
        evidence = self.evidence_inferer(images, network)
        with torch.set_grad_enabled(self.attribution.needs_grad):
            maps = self.attribution(evidence, images.shape[-2:]).detach().float()
        return maps, evidence.logits.detach().float()


def _slice_by_slice(channels: int, shape: Sequence[int], device: torch.device) -> Tensor:
    """Return (1, channels, H, W, D) to be filled; each slice is one piece of memory, as it is written and read.

    NumPy's large pages take a third of the time that PyTorch's memory takes.
    """
    height, width, depth = shape
    form = (1, channels, depth, height, width)
    empty = torch.from_numpy(np.empty(form, np.float32)) if device.type == "cpu" else torch.empty(form, device=device)
    return empty.permute(0, 1, 3, 4, 2)


def _is_blank(slices: Tensor) -> Tensor:
    """Return (N,) booleans, true for slices (N, C, H, W) that are zero everywhere."""
    return (slices == 0).flatten(1).all(dim=1)
