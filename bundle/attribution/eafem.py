"""Embedding-Attention Fused Explanation Map (EAFEM) and its two halves."""

from __future__ import annotations

import torch
from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of, part_of
from bundle.networks import Evidence


class ClassAttention(Attribution):
    """Attention from the CLS token to the patches in the last block, mean over the heads, not renormalized.

    M_attn of the paper, section 3.2. With several blocks it is the mean over the last blocks, and the full
    attention of every block is needed.

    Args:
        num_blocks: number of last blocks.

    Raises:
        ValueError: num_blocks below 1, or above the number of blocks of the network.

    Example:
        >>> evidence = Evidence(torch.zeros(1, 1), torch.full((1, 2, 4), 0.2), None, torch.zeros(1, 4, 8), (2, 2))
        >>> ClassAttention()(evidence, (4, 4)).shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(self, num_blocks: int = 1) -> None:
        if num_blocks < 1:
            raise ValueError(f"num_blocks must be at least 1, got {num_blocks}: give the number of last blocks.")
        self.num_blocks = num_blocks
        self.needs_attentions = num_blocks > 1

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        if self.num_blocks == 1:
            return part_of(evidence, "class_attention", method="ClassAttention").float().mean(dim=1)
        attentions = attentions_of(evidence, method=f"ClassAttention of {self.num_blocks} blocks")
        if len(attentions) < self.num_blocks:
            raise ValueError(
                f"num_blocks must be at most the network's {len(attentions)}, got {self.num_blocks}: choose fewer."
            )
        rows = [matrix[:, :, 0, 1:].float().mean(dim=1) for matrix in attentions[-self.num_blocks :]]
        return torch.stack(rows).mean(dim=0)


class TokenEmbedding(Attribution):
    """Mean over the channels of the last block's output for the patches, before any LayerNorm.

    M_embed of the paper, section 3.2.

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(1, 1), torch.zeros(1, 2, 4), None, torch.ones(1, 4, 8), (2, 2))
        >>> TokenEmbedding()(evidence, (4, 4)).mean().item()
        1.0
    """

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        return part_of(evidence, "tokens", method="TokenEmbedding").float().mean(dim=-1)


class EAFEM(Attribution):
    """beta * M_attn + (1 - beta) * M_embed (paper, Eq. 6).

    Resizing is linear: the halves are mixed on the patch grid and resized once.

    Args:
        beta: weight of the attention, in [0, 1].

    Raises:
        ValueError: beta outside [0, 1].

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(1, 1), torch.full((1, 2, 4), 0.2), None, torch.ones(1, 4, 8), (2, 2))
        >>> round(EAFEM(beta=0.75)(evidence, (4, 4)).mean().item(), 6)
        0.4
    """

    def __init__(self, beta: float = 0.85) -> None:
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must be in [0, 1], got {beta}: give the weight of the attention.")
        self.beta = beta

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        attention, embedding = ClassAttention().grid_map(evidence), TokenEmbedding().grid_map(evidence)
        return self.beta * attention + (1 - self.beta) * embedding
