"""Embedding-Attention Fused Explanation Map."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution
from bundle.attribution.class_attention import ClassAttention
from bundle.attribution.token_embedding import TokenEmbedding
from bundle.networks import Evidence


class EAFEM(Attribution):
    """beta * M_attn + (1 - beta) * M_embed (paper, Eq. 6).

    Resizing is linear, so the halves are mixed on the patch grid and resized once.

    Args:
        beta: share of the attention, in [0, 1].

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
            raise ValueError(f"EAFEM expected beta in [0, 1], got {beta}.")
        self.beta = beta

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        attention, embedding = ClassAttention().grid_map(evidence), TokenEmbedding().grid_map(evidence)
        return self.beta * attention + (1 - self.beta) * embedding
