"""Attention rollout."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of, identity_cls_row
from bundle.networks import Evidence
from bundle.scaling import min_max_normalize


class Rollout(Attribution):
    """Product of the attention of all blocks, from the CLS token to the patches, min-max per slice.

    R = A~_n ... A~_1 with A~_j = (A_j + I) / 2, A_j the mean over the heads. The map is the CLS row of R without its
    CLS column; only that row is computed, from the last block to the first.

    Args:
        reference: A~_1 = A_1, without the identity in block 1, as in the code of LGM-ViT's authors.

    Needs the full attention of every block.

    Source: Abnar and Zuidema, Quantifying Attention Flow in Transformers (2020).

    Example:
        >>> import torch
        >>> uniform = torch.full((1, 2, 5, 5), 0.2)
        >>> evidence = Evidence(torch.zeros(1, 1), uniform[:, :, 0, 1:], (uniform,), torch.zeros(1, 4, 8), (2, 2))
        >>> Rollout()(evidence, (4, 4)).sum().item()  # a constant map is zero
        0.0
    """

    needs_attentions = True

    def __init__(self, reference: bool = False) -> None:
        self.reference = reference

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N) in [0, 1]."""
        first, *later = (matrix.float().mean(dim=1) for matrix in attentions_of(evidence, method="Rollout"))
        row = identity_cls_row(first)
        for matrix in reversed(later):
            row = (row + row @ matrix) / 2
        row = row @ first if self.reference else (row + row @ first) / 2
        return min_max_normalize(row[:, 0, 1:])
