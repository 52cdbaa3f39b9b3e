"""Attention rollout."""

from __future__ import annotations

from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of, class_row, minmax
from bundle.networks import Evidence


class Rollout(Attribution):
    """Attention followed through all blocks, from the CLS token down to the patches, min-max per slice.

    R = A~_n ... A~_1 with A~_j = (A_j + I) / 2, A_j the mean over the heads; the map is R's CLS row without its own
    column. Only that row is carried through the blocks, from the last to the first.

    Args:
        reference: take block 1 as it is, A~_1 = A_1, as the authors' code does.

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
        first, *others = (matrix.float().mean(dim=1) for matrix in attentions_of(evidence, method="Rollout"))
        row = class_row(first)
        for matrix in reversed(others):
            row = (row + row @ matrix) / 2
        row = row @ first if self.reference else (row + row @ first) / 2
        return minmax(row[:, 0, 1:])
