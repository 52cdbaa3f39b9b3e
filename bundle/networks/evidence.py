"""Evidence of a forward pass, the input of attribution methods."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Evidence(NamedTuple):
    """Logits of one forward pass and all that attribution methods compute maps from.

    It is returned by `forward`, never collected by hooks.

    Args:
        logits: (B, K).
        class_attention: (B, h, N), the last block's attention from the CLS token to the patches, per head, without the
            CLS column and not renormalized.
        attentions: per block (B, h, 1 + N, 1 + N), CLS first, or None if not requested.
        tokens: (B, N, d), the last block's output for the patches, before any LayerNorm.
        grid_hw: patches in rows and columns, N = gh * gw.

    Example:
        >>> import torch
        >>> Evidence(torch.zeros(1, 1), torch.ones(1, 2, 4), None, torch.ones(1, 4, 8), (2, 2)).grid_hw
        (2, 2)
    """

    logits: Tensor
    class_attention: Tensor
    attentions: tuple[Tensor, ...] | None
    tokens: Tensor
    grid_hw: tuple[int, int]
