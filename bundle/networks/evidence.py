"""Evidence of a forward pass, the input of attribution methods, and the networks that give it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn


class Evidence(NamedTuple):
    """Logits of one forward pass and all that attribution methods compute maps from.

    It is returned by `forward`, never collected by hooks. What a network does not have is None; an attribution that
    needs it raises one error.

    Args:
        logits: (B, K).
        class_attention: (B, h, N), the last block's attention from the CLS token to the patches, per head, without the
            CLS column and not renormalized.
        attentions: per block (B, h, 1 + N, 1 + N), CLS first, or None if not requested.
        tokens: (B, N, d), the last block's output for the patches, before any LayerNorm.
        grid_hw: patches in rows and columns, N = gh * gw; of a network without tokens the cells of its own grid.
        mask_logits: (B, 1, h, w) on any grid, logits of the share of each cell that the mask covers.
        features: (B, c, h, w), the last convolution's output, in the graph of the logits.
        maps: (B, 1, H, W), the mean map of several passes, which takes the place of any attribution's.

    Example:
        >>> import torch
        >>> Evidence(torch.zeros(1, 1), torch.ones(1, 2, 4), None, torch.ones(1, 4, 8), (2, 2)).grid_hw
        (2, 2)
    """

    logits: Tensor
    class_attention: Tensor | None
    attentions: tuple[Tensor, ...] | None
    tokens: Tensor | None
    grid_hw: tuple[int, int]
    mask_logits: Tensor | None = None
    features: Tensor | None = None
    maps: Tensor | None = None


class EvidenceNetwork(Protocol):
    """A slice classifier, a `torch.nn.Module`, that also tells what its decision rests on."""

    def __call__(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> logits (B, K)."""

    def forward_evidence(self, image: Tensor, attentions: bool = False) -> Evidence:
        """(B, C, H, W) -> evidence; `attentions` asks for the full attention of every block, if there are blocks."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the weights."""


def require_image(image: Tensor, expected: tuple[int, int, int]) -> None:
    """Refuse images of another shape than a network was built for.

    Args:
        image: (B, C, H, W).
        expected: (C, H, W).

    Raises:
        ValueError: they differ; not while the network is traced, which would keep the shape and not the check.

    Example:
        >>> require_image(torch.zeros(2, 3, 32, 32), (3, 32, 32))
    """
    if not torch.jit.is_tracing() and list(image.shape[1:]) != list(expected):
        raise ValueError(
            f"image must be (B, C, H, W) with (C, H, W) = {expected}, got {list(image.shape)}: resize it, or build the "
            "network with its in_channels and image_size."
        )
