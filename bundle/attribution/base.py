"""Interface of attribution methods, and the steps that several of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bundle.networks import Evidence


class Attribution(ABC):
    """Map from the evidence of one forward pass to the image: `(evidence, image_hw) -> (B, 1, H, W)`.

    A subclass computes one number per patch in `grid_map`; this class resizes the grid to the image. Callers of
    `forward_evidence` read `needs_attentions` and `needs_grad`. Maps have gradients for the loss; calling a method
    changes nothing in the model.
    """

    needs_attentions = False
    """True if `evidence.attentions` is required."""
    needs_grad = False
    """True if the graph of the forward pass is required, also in evaluation."""

    @abstractmethod
    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N), one number per patch."""

    def __call__(self, evidence: Evidence, image_hw: Sequence[int]) -> Tensor:
        """Return the map (B, 1, H, W), bilinear between patch centers; one that the evidence brings is only resized."""
        if evidence.maps is not None:
            return F.interpolate(evidence.maps, size=tuple(image_hw), mode="bilinear", align_corners=False)
        with torch.autocast(
            evidence.logits.device.type, enabled=False
        ):  # half precision loses too much in long products
            return self.to_image(self.grid_map(evidence), self.grid_hw(evidence), image_hw)

    def grid_hw(self, evidence: Evidence) -> tuple[int, int]:
        """Return rows and columns of the grid that `grid_map` is on."""
        return evidence.grid_hw

    @staticmethod
    def to_image(patches: Tensor, grid_hw: tuple[int, int], image_hw: Sequence[int]) -> Tensor:
        """Return patch values (B, N) as a map (B, 1, H, W)."""
        grid = patches.float().reshape(-1, 1, *grid_hw)
        return F.interpolate(grid, size=tuple(image_hw), mode="bilinear", align_corners=False)


def part_of(evidence: Evidence, part: str, *, method: str) -> Tensor:
    """Return a tensor of the evidence that not every network gives."""
    tensor: Tensor | None = getattr(evidence, part)
    if tensor is None:
        raise ValueError(
            f"evidence.{part} must be a tensor for {method}, got None: this network has none; choose the attribution "
            "of its overlay in configs/methods."
        )
    return tensor


def attentions_of(evidence: Evidence, *, method: str) -> tuple[Tensor, ...]:
    """Return the full attention of every block, (B, h, 1 + N, 1 + N) each."""
    if evidence.attentions is None:
        raise ValueError(
            f"evidence.attentions must hold the attention of every block for {method}, got None: call "
            "forward_evidence(image, attentions=True), or wrap the network in WithEvidence(network, attentions=True); "
            "a network without attention needs another attribution."
        )
    return evidence.attentions


def identity_cls_row(matrix: Tensor) -> Tensor:
    """Return the CLS row (B, 1, 1 + N) of the identity of a matrix (B, 1 + N, 1 + N)."""
    row = torch.zeros_like(matrix[:, :1], dtype=torch.float32)
    row[:, :, 0] = 1
    return row


def class_score(logits: Tensor, target_class: int | None) -> Tensor:
    """Return the explained logits, summed over the slices; slices do not mix, so each has its own gradient."""
    classes = logits.shape[1]
    if target_class is not None and target_class >= max(classes, 2):
        raise ValueError(
            f"target_class must be below {max(classes, 2)}, got {target_class}: give the index of a class."
        )
    if classes == 1:
        return -logits.sum() if target_class == 0 else logits.sum()
    if target_class is not None:
        return logits[:, target_class].sum()
    return logits.gather(
        1, logits.argmax(dim=1, keepdim=True)
    ).sum()  # a single class, where amax would average over ties
