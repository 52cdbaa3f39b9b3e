"""Embedding of pixels as tokens: patches and their position code."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_PATCH_NORMS = {"batch": nn.BatchNorm2d, "none": nn.Identity}  # Identity ignores the width


class PatchEmbedding(nn.Module):
    """Linear projection of non-overlapping patches: (B, C, H, W) -> (B, N, d).

    The authors' code normalizes the projected patches with batch statistics; the vanilla ViT does not.

    Args:
        in_channels: C.
        hidden_size: d.
        patch_size: side of a patch in pixels.
        norm: "batch" or "none".

    Raises:
        ValueError: unknown norm.

    Example:
        >>> import torch
        >>> PatchEmbedding(3, 16, patch_size=8)(torch.rand(2, 3, 32, 32)).shape
        torch.Size([2, 16, 16])
    """

    def __init__(self, in_channels: int, hidden_size: int, patch_size: int, norm: str = "batch") -> None:
        super().__init__()
        if norm not in _PATCH_NORMS:
            raise ValueError(f"patch_norm must be one of {sorted(_PATCH_NORMS)}, got {norm!r}: choose one of these.")
        self.proj = nn.Conv2d(in_channels, hidden_size, kernel_size=patch_size, stride=patch_size)
        self.norm = _PATCH_NORMS[norm](hidden_size)

    def forward(self, image: Tensor) -> Tensor:
        """Return the patches of each image as tokens."""
        return self.norm(self.proj(image)).flatten(2).transpose(1, 2)

    def stages(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the tokens, and no feature maps: there is but one stage."""
        return self(image), []


class PositionEncoding(nn.Module):
    """Sum of the patch tokens (B, N, d) and a code of row and column; the CLS token gets no code.

    Args:
        kind: "sincos": sinusoidal, half of the channels for the row and half for the column; "reference": the code of
            the authors' implementation, columns only (see docs/explanation/deviations.md); "learned": a free parameter.
        grid_hw: patches in rows and columns.
        hidden_size: d; "sincos" needs a multiple of 4.

    Raises:
        ValueError: unknown kind, or "sincos" with a hidden_size that is no multiple of 4.

    Example:
        >>> PositionEncoding("sincos", (4, 4), 16)(torch.zeros(1, 16, 16)).shape
        torch.Size([1, 16, 16])
    """

    def __init__(self, kind: str, grid_hw: tuple[int, int], hidden_size: int) -> None:
        super().__init__()
        if kind not in _CODES:
            raise ValueError(f"position_encoding must be one of {sorted(_CODES)}, got {kind!r}: choose one of these.")
        code = _CODES[kind](grid_hw, hidden_size)
        if kind == "learned":
            self.code = nn.Parameter(code)
        else:  # computed by a formula, so not part of the weights
            self.register_buffer("code", code, persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens with their code added."""
        return tokens + self.code


def sincos_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d): sin and cos of the row in the first half of the channels, of the column in the second."""
    if hidden_size % 4:
        raise ValueError(
            f"hidden_size of 'sincos' must be a multiple of 4, got {hidden_size}: choose another position_encoding."
        )
    quarter = hidden_size // 4
    frequency = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    parts = []
    for position in torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in grid_hw), indexing="ij"):
        angle = position.reshape(-1, 1) * frequency  # (N, d/4)
        parts += [angle.sin(), angle.cos()]
    return torch.cat(parts, dim=1).float()


def reference_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d): at channel e and column w sin (even w) or cos (odd w) of e * 10000^(-2 floor(w/2) / c).

    c = 2 ceil(d / 4). The authors' 2D code is called with channels in place of columns: all rows get the same code.
    """
    height, width = grid_hw
    channels = 2 * -(-hidden_size // 4)
    column = torch.arange(width)
    frequency = 1.0 / 10000 ** (2 * (column // 2).float() / channels)
    angle = frequency[:, None] * torch.arange(hidden_size).float()  # (w, d)
    code = torch.where((column % 2 == 0)[:, None], angle.sin(), angle.cos())
    return code.repeat(height, 1)


def _learned_code(grid_hw: tuple[int, int], hidden_size: int) -> Tensor:
    """Return (N, d) start values of a learned code."""
    return nn.init.trunc_normal_(torch.empty(grid_hw[0] * grid_hw[1], hidden_size), std=0.02)


_CODES: dict[str, Callable[[tuple[int, int], int], Tensor]] = {
    "sincos": sincos_code,
    "reference": reference_code,
    "learned": _learned_code,
}
