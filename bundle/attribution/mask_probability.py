"""Map of a network that predicts the mask."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution, part_of
from bundle.networks import Evidence

_LIKELY = 0.5


class MaskProbability(Attribution):
    """Sigmoid of the mask logits: the predicted share of the mask in each cell, resized to the image.

    Raises:
        ValueError: evidence of a network that predicts no mask.

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(1, 1), None, None, None, (2, 2), mask_logits=torch.zeros(1, 1, 2, 2))
        >>> MaskProbability()(evidence, (4, 4)).unique().tolist()
        [0.5]
    """

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, h w) in [0, 1]."""
        return part_of(evidence, "mask_logits", method="MaskProbability").float().sigmoid().flatten(1)

    def grid_hw(self, evidence: Evidence) -> tuple[int, int]:
        """Return rows and columns of the mask logits."""
        rows, columns = part_of(evidence, "mask_logits", method="MaskProbability").shape[-2:]
        return rows, columns


def likely_mask(evidence: Evidence, image_hw: tuple[int, int]) -> Tensor:
    """Return the pixels where a network finds the object likelier than not.

    Args:
        evidence: of a network that predicts masks.
        image_hw: rows and columns of the image.

    Returns:
        (B, 1, H, W) uint8.

    Raises:
        ValueError: evidence of a network that predicts no mask.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[[[-1.0, 1.0]]]])
        >>> likely_mask(Evidence(torch.zeros(1, 1), None, None, None, (1, 2), mask_logits=logits), (1, 2)).tolist()
        [[[[0, 1]]]]
    """
    return (MaskProbability()(evidence, image_hw) >= _LIKELY).byte()
