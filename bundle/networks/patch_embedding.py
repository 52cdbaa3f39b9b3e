"""Pixels become tokens."""

from __future__ import annotations

from einops import rearrange
from torch import Tensor, nn

PATCH_NORMS = {"batch": nn.BatchNorm2d, "none": nn.Identity}  # Identity ignores the width


class PatchEmbedding(nn.Module):
    """Non-overlapping patches, projected linearly: (B, C, H, W) -> (B, N, d).

    The paper's reference normalises the projected patches with batch statistics; the vanilla ViT does not.

    Args:
        in_channels: C.
        hidden_size: d.
        patch_size: pixels a side of a patch.
        norm: "batch" or "none".

    Raises:
        ValueError: an unknown norm.

    Example:
        >>> import torch
        >>> PatchEmbedding(3, 16, patch_size=8)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 16, 16])
    """

    def __init__(self, in_channels: int, hidden_size: int, patch_size: int, norm: str = "batch") -> None:
        super().__init__()
        if norm not in PATCH_NORMS:
            raise ValueError(f"patch_norm expected one of {sorted(PATCH_NORMS)}, got {norm!r}.")
        self.proj = nn.Conv2d(in_channels, hidden_size, kernel_size=patch_size, stride=patch_size)
        self.norm = PATCH_NORMS[norm](hidden_size)

    def forward(self, image: Tensor) -> Tensor:
        """Return the patches of each image as tokens."""
        return rearrange(self.norm(self.proj(image)), "b d h w -> b (h w) d")
