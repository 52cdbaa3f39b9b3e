"""Multi-head self-attention (paper, Eq. 1 and 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class Attention(nn.Module):
    """Self-attention that can also tell where it looks, at the price of one row per head.

    `forward` runs the fused kernel only. `with_class_row` adds softmax(q_cls k^T), (B, h, 1 + N), with its gradient:
    a thousandth of the full matrix. `with_matrix` computes and uses the full matrix, for methods that need it.

    Args:
        hidden_size: d.
        num_heads: h, divides d.
        qkv_bias: whether queries, keys and values have a bias.

    Raises:
        ValueError: the heads do not divide the width.

    Example:
        >>> import torch
        >>> output, row = Attention(16, 4).with_class_row(torch.rand(2, 5, 16))
        >>> output.shape, row.shape
        (torch.Size([2, 5, 16]), torch.Size([2, 4, 5]))
    """

    def __init__(self, hidden_size: int, num_heads: int, qkv_bias: bool = False) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(f"num_heads expected to divide hidden_size, got {num_heads} heads of {hidden_size}.")
        self.num_heads = num_heads
        self.scale = (hidden_size // num_heads) ** -0.5
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=qkv_bias)
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, 1 + N, d)."""
        return self.merge(F.scaled_dot_product_attention(*self.split(tokens)))

    def with_class_row(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the CLS token's attention (B, h, 1 + N)."""
        q, k, v = self.split(tokens)
        row = (q[:, :, :1] @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        return self.merge(F.scaled_dot_product_attention(q, k, v)), row[:, :, 0]

    def with_matrix(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the attention (B, h, 1 + N, 1 + N) it was computed from."""
        q, k, v = self.split(tokens)
        matrix = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        if torch.is_grad_enabled() and not matrix.requires_grad:
            matrix.requires_grad_()  # below frozen blocks too, a method may ask for the gradient by it
        return self.merge(matrix @ v), matrix

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, (B, h, 1 + N, d / h) each."""
        qkv = rearrange(self.qkv(tokens), "b t (three h c) -> three b h t c", three=3, h=self.num_heads)
        return qkv[0], qkv[1], qkv[2]

    def merge(self, values: Tensor) -> Tensor:
        """Return the heads' values side by side and projected, (B, 1 + N, d)."""
        return self.proj(rearrange(values, "b h t c -> b t (h c)"))
