"""From a volume to a map and slice probabilities on the same grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol

import torch
from monai.inferers import Inferer
from monai.utils import convert_to_tensor
from torch import Tensor

from bundle.attribution import Attribution
from bundle.metrics import class_probabilities
from bundle.networks import Evidence, SliceViT


class EvidenceInferer(Inferer):
    """Calls `network.forward_evidence` with what an attribution method declares to need.

    Evaluators run under `no_grad`; a method that needs gradients gets them here.

    Args:
        attribution: the method whose `needs_attentions` and `needs_grad` count.

    Shapes:
        (B, C, S, S) -> Evidence.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> from bundle.networks import SliceViT
        >>> vit = SliceViT(image_size=32, patch_size=8, in_channels=1, hidden_size=16, num_layers=1, num_heads=2)
        >>> EvidenceInferer(EAFEM())(torch.rand(2, 1, 32, 32), vit.eval()).grid_hw
        (4, 4)
    """

    def __init__(self, attribution: Attribution) -> None:
        super().__init__()
        self.attribution = attribution

    def __call__(self, inputs: Tensor, network: SliceViT, *args: Any, **kwargs: Any) -> Evidence:
        """Return the evidence for a batch of slices."""
        with torch.set_grad_enabled(self.attribution.needs_grad):
            return network.forward_evidence(inputs, attentions=self.attribution.needs_attentions)


class SliceTransformLike(Protocol):
    """What the slice store and this inferer share."""

    def image(self, slices: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, S, S)."""

    def inverse(self, maps: Tensor, image_hw: Sequence[int]) -> Tensor:
        """(N, 1, S, S) -> (N, 1, H, W)."""


class SliceInferer(Inferer):
    """Runs a slice classifier over a volume, slice by slice in batches.

    The result is one tensor, because that is what the evaluator, MONAI Label and MONAI Deploy all take: channel 0 is
    the attribution on the grid of the volume, channels 1..K are the slice's class probabilities, the same over the
    whole slice (K = 1 for a single logit). Beyond the input and the result memory is that of one batch.

    A slice that is zero everywhere after `slice_transform` shows nothing: all such slices share the network's answer
    to one zero image, computed at most once per volume (so evaluation agrees), and a map of exact zeros marks them.

    Args:
        slice_transform: the object that made the training slices.
        attribution: `(evidence, image_hw) -> (B, 1, H, W)`.
        batch_size: slices per forward pass.

    Shapes:
        (1, C, H, W, D) -> (1, 1 + K, H, W, D), float32.

    Raises:
        ValueError: more than one volume, or not a volume.

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

    def __init__(self, slice_transform: SliceTransformLike, attribution: Attribution, batch_size: int = 32) -> None:
        super().__init__()
        self.slice_transform = slice_transform
        self.attribution = attribution
        self.batch_size = batch_size

    def __call__(self, inputs: Tensor, network: SliceViT, *args: Any, **kwargs: Any) -> Tensor:
        """Return attribution and probabilities of the volume `inputs`."""
        if inputs.ndim != 5 or inputs.shape[0] != 1:
            raise ValueError(f"SliceInferer expected one volume (1, C, H, W, D), got {tuple(inputs.shape)}.")
        volume = convert_to_tensor(inputs, track_meta=False)[0]
        blank = torch.zeros_like(volume[None, ..., 0], dtype=torch.float32)  # (1, C, H, W)
        answer_to_blank = cache(lambda: self.explain(self.slice_transform.image(blank), network)[1])
        result, done = torch.empty(0), 0
        for slices in volume.split(self.batch_size, dim=-1):
            part = self.infer(slices.permute(3, 0, 1, 2).float(), network, answer_to_blank)  # (N, 1 + K, H, W)
            if not done:  # the first batch tells K
                result = part.new_empty(1, part.shape[1], *volume.shape[1:])
            result[0, ..., done : done + len(part)] = part.permute(1, 2, 3, 0)
            done += len(part)
        return result

    def infer(self, slices: Tensor, network: SliceViT, answer_to_blank: Callable[[], Tensor]) -> Tensor:
        """Return (N, 1 + K, H, W) for slices (N, C, H, W); only those that show something pass the network."""
        images = self.slice_transform.image(slices)
        blank = is_blank(images)
        maps = slices.new_zeros(len(slices), 1, *slices.shape[-2:])
        if blank.all():
            probabilities = answer_to_blank().expand(len(slices), -1)
        else:
            seen_maps, seen = self.explain(images[~blank], network)
            maps[~blank] = self.slice_transform.inverse(seen_maps, slices.shape[-2:])
            probabilities = seen.new_empty(len(slices), seen.shape[1])
            probabilities[~blank] = seen
            if blank.any():
                probabilities[blank] = answer_to_blank()
        return torch.cat([maps, probabilities[:, :, None, None].expand(-1, -1, *slices.shape[-2:])], dim=1)

    def explain(self, images: Tensor, network: SliceViT) -> tuple[Tensor, Tensor]:
        """Return maps (N, 1, S, S) and probabilities (N, K) of ready images (N, C, S, S)."""
        evidence = EvidenceInferer(self.attribution)(images, network)
        with torch.set_grad_enabled(self.attribution.needs_grad):
            maps = self.attribution(evidence, images.shape[-2:]).detach().float()
        logits = evidence.logits.detach().float()
        return maps, class_probabilities(logits).reshape(len(logits), -1)


def is_blank(slices: Tensor) -> Tensor:
    """Return (N,) booleans: which slices (N, C, H, W) are zero everywhere."""
    return (slices == 0).flatten(1).all(dim=1)
