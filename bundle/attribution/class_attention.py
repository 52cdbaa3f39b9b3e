"""Where the CLS token looks: the attention-based half of EAFEM."""

from __future__ import annotations

import torch
from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of
from bundle.networks import Evidence


class ClassAttention(Attribution):
    """The last block's attention from the CLS token to the patches, mean over the heads, not renormalised.

    M_attn of the paper, section 3.2. With several blocks it is the mean over the last ones, which needs the full
    attention of every block.

    Args:
        num_blocks: how many of the last blocks.

    Raises:
        ValueError: no block, or more than the network has.

    Example:
        >>> evidence = Evidence(torch.zeros(1, 1), torch.full((1, 2, 4), 0.2), None, torch.zeros(1, 4, 8), (2, 2))
        >>> ClassAttention()(evidence, (4, 4)).shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(self, num_blocks: int = 1) -> None:
        if num_blocks < 1:
            raise ValueError(f"ClassAttention expected num_blocks of at least 1, got {num_blocks}.")
        self.num_blocks = num_blocks
        self.needs_attentions = num_blocks > 1

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        if self.num_blocks == 1:
            return evidence.class_attention.float().mean(dim=1)
        attentions = attentions_of(evidence, method=f"ClassAttention of {self.num_blocks} blocks")
        if len(attentions) < self.num_blocks:
            raise ValueError(f"ClassAttention expected {self.num_blocks} blocks, got a network of {len(attentions)}.")
        rows = [matrix[:, :, 0, 1:].float().mean(dim=1) for matrix in attentions[-self.num_blocks :]]
        return torch.stack(rows).mean(dim=0)
