"""The attention-based half of EAFEM."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution
from bundle.networks import Evidence


class ClassAttention(Attribution):
    """The last block's attention from the CLS token to the patches, mean over the heads, not renormalised.

    M_attn of the paper, section 3.2.

    Example:
        >>> import torch
        >>> evidence = Evidence(torch.zeros(1, 1), torch.full((1, 2, 4), 0.2), None, torch.zeros(1, 4, 8), (2, 2))
        >>> ClassAttention()(evidence, (4, 4)).shape
        torch.Size([1, 1, 4, 4])
    """

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N)."""
        return evidence.class_attention.float().mean(dim=1)
