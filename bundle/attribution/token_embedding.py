"""The embedding-based half of EAFEM."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution
from bundle.networks import Evidence


class TokenEmbedding(Attribution):
    """The last block's output for the patches, mean over the channels, before any LayerNorm.

    M_embed of the paper, section 3.2.

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(1, 1), torch.zeros(1, 2, 4), None, torch.ones(1, 4, 8), (2, 2))
        >>> TokenEmbedding()(evidence, (4, 4)).mean().item()
        1.0
    """

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        return evidence.tokens.float().mean(dim=-1)
