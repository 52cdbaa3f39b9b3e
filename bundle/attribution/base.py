"""The contract of an attribution method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bundle.networks import Evidence

ROUNDING = 1e-6
"""Differences below this share of a map's values are float32 rounding: such a map is constant."""


class Attribution(ABC):
    """Turns the evidence of one forward pass into a map on the image: `(evidence, image_hw) -> (B, 1, H, W)`.

    A method works on the patch grid; the resize lives here, once. It declares what it needs, and whoever calls
    `forward_evidence` provides it. Maps carry gradient where a loss can use it, and leave the model as it was.
    """

    needs_attentions = False
    """Whether `evidence.attentions` must be there."""
    needs_grad = False
    """Whether the forward pass must have been recorded, also in evaluation."""
    is_pixel_gradient = False
    """Whether the map is the gradient of the logits by the pixels, with a graph; no method here gives that."""

    @abstractmethod
    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N), one number per patch."""

    def __call__(self, evidence: Evidence, image_hw: Sequence[int]) -> Tensor:
        """Return the map (B, 1, H, W), bilinear between patch centres."""
        with torch.autocast(evidence.logits.device.type, enabled=False):  # half precision shows in long products
            return self.to_image(self.grid_map(evidence), evidence.grid_hw, image_hw)

    @staticmethod
    def to_image(patches: Tensor, grid_hw: tuple[int, int], image_hw: Sequence[int]) -> Tensor:
        """Return (B, 1, H, W) for one number per patch, (B, N)."""
        grid = patches.float().reshape(-1, 1, *grid_hw)
        return F.interpolate(grid, size=tuple(image_hw), mode="bilinear", align_corners=False)


def minmax(maps: Tensor) -> Tensor:
    """Return each map (B, ...) between 0 and 1; a constant map becomes zeros."""
    flat = maps.flatten(1)
    low, high = flat.amin(dim=1, keepdim=True), flat.amax(dim=1, keepdim=True)
    constant = high - low <= ROUNDING * torch.maximum(low.abs(), high.abs())
    unit = (flat - low) / torch.where(constant, torch.ones_like(low), high - low)
    return torch.where(constant, torch.zeros_like(unit), unit).reshape(maps.shape)


def attentions_of(evidence: Evidence, *, method: str) -> tuple[Tensor, ...]:
    """Return the full attention of every block, (B, h, 1 + N, 1 + N) each."""
    if evidence.attentions is None:
        raise ValueError(
            f"{method} expected evidence with the attention of every block, got none: call "
            "forward_evidence(image, attentions=True), or wrap the network in WithEvidence(network, attentions=True)."
        )
    return evidence.attentions


def class_row(matrix: Tensor) -> Tensor:
    """Return the CLS row of the identity, (B, 1, 1 + N), for a matrix (B, 1 + N, 1 + N)."""
    row = torch.zeros_like(matrix[:, :1], dtype=torch.float32)
    row[:, :, 0] = 1
    return row
