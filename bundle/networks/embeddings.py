"""Pixels become tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
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


class PositionEncoding(nn.Module):
    """Adds a code of row and column to the patch tokens (B, N, d); the CLS token gets none.

    Args:
        kind: "sincos": half of the channels tell the row and half the column, sinusoidal; "reference": what the
            authors' code computes, columns only (see docs/explanation/deviations.md); "learned": a free parameter.
        grid_hw: patches in rows and columns.
        hidden_size: d; "sincos" needs a multiple of 4.

    Raises:
        ValueError: an unknown kind, or a width that does not fit it.

    Example:
        >>> PositionEncoding("sincos", (4, 4), 16)(torch.zeros(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    def __init__(self, kind: str, grid_hw: tuple[int, int], hidden_size: int) -> None:
        super().__init__()
        if kind not in CODES:
            raise ValueError(f"position_encoding expected one of {sorted(CODES)}, got {kind!r}.")
        code = CODES[kind](grid_hw, hidden_size)
        if kind == "learned":
            self.code = nn.Parameter(code)
        else:  # a formula, so not part of the weights
            self.register_buffer("code", code, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens with their code added."""
        return tokens + self.code


def sincos_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d): sin and cos of the row in the first half of the channels, of the column in the second."""
    if hidden_size % 4:
        raise ValueError(f"position_encoding 'sincos' expected hidden_size to be a multiple of 4, got {hidden_size}.")
    quarter = hidden_size // 4
    frequency = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    parts = []
    for position in torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in grid_hw), indexing="ij"):
        angle = position.reshape(-1, 1) * frequency  # (N, d/4)
        parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, dim=1).float()


def reference_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d): at channel e and column w sin (even w) or cos (odd w) of e * 10000^(-2 floor(w/2) / c).

    c = 2 ceil(d / 4). The authors' 2D code is given channels where it expects columns: every row looks the same.
    """
    height, width = grid_hw
    channels = 2 * -(-hidden_size // 4)
    column = torch.arange(width)
    frequency = 1.0 / 10000 ** (2 * (column // 2).float() / channels)
    angle = frequency[:, None] * torch.arange(hidden_size).float()  # (w, d)
    code = torch.where((column % 2 == 0)[:, None], angle.sin(), angle.cos())
    return code.repeat(height, 1)


def learned_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d) start values."""
    return nn.init.trunc_normal_(torch.empty(grid_hw[0] * grid_hw[1], hidden_size), std=0.02)


CODES: dict[str, Callable[[tuple[int, int], int], Tensor]] = {
    "sincos": sincos_code,
    "reference": reference_code,
    "learned": learned_code,
}
