"""Multi-head self-attention (paper, Eq. 1 and 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn


class DropPath(nn.Module):
    """While training, sets a residual branch of each sample to zero with probability `rate`, and scales the rest up.

    Args:
        rate: in [0, 1).

    Raises:
        ValueError: rate outside [0, 1).

    Example:
        >>> import torch
        >>> DropPath(0.5).eval()(torch.ones(2, 3)).sum().item()
        6.0
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"drop_path expected a rate in [0, 1), got {rate}.")
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        """Return the branch (B, ...), dropped for some samples."""
        if not self.training or self.rate == 0:
            return branch
        kept = branch.new_empty(branch.shape[0], *[1] * (branch.ndim - 1)).bernoulli_(1 - self.rate)
        return branch * kept / (1 - self.rate)


DRAWS = 2**16
"""Values of one random draw of 16 bits."""


class Dropout(nn.Module):
    """While training, sets each number to zero with probability `rate`, and scales the rest up.

    On a CPU PyTorch's own dropout draws one number at a time, which shows in a step. Here four draws of 16 bits come
    from each random number, so the rate is rounded to a multiple of 2**-16; the scale fits the rounded rate. Other
    devices and compiled networks take PyTorch's kernel. Draws come from PyTorch's generator of the device.

    Args:
        rate: in [0, 1).

    Raises:
        ValueError: rate outside [0, 1).

    Example:
        >>> Dropout(0.5)(torch.ones(1000)).unique().tolist()
        [0.0, 2.0]
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout expected a rate in [0, 1), got {rate}.")
        self.rate = rate

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens, some of their numbers dropped."""
        if not self.training or self.rate == 0:
            return tokens
        if tokens.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(tokens, self.rate)
        dropped = round(self.rate * DRAWS)
        kept = draw_16_bits(tokens.numel()).view(tokens.shape) >= dropped - DRAWS // 2
        return tokens * (kept * (DRAWS / (DRAWS - dropped))).to(tokens.dtype)


def draw_16_bits(count: int) -> Tensor:
    """Return (count,) random numbers of int16, uniform over all their values."""
    four_each = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    return four_each.view(torch.int16)[:count]


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


class Block(nn.Module):
    """Pre-norm attention and MLP, each with a residual connection: (B, 1 + N, d) -> (B, 1 + N, d).

    Args:
        hidden_size: d.
        num_heads: attention heads.
        mlp_ratio: width of the MLP over d.
        dropout: after both layers of the MLP.
        drop_path: rate of stochastic depth.
        qkv_bias: whether queries, keys and values have a bias.

    Example:
        >>> import torch
        >>> Block(16, 4)(torch.rand(2, 5, 16)).shape
        torch.Size([2, 5, 16])
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.1,
        qkv_bias: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(hidden_size)
        self.attn = Attention(hidden_size, num_heads, qkv_bias)
        self.drop_path = DropPath(drop_path)
        self.norm2 = nn.LayerNorm(hidden_size)
        self.mlp = MLP(hidden_size, round(hidden_size * mlp_ratio), dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return E^(j) for E^(j-1)."""
        return self.add(tokens, self.attn(self.norm1(tokens)))

    def with_class_row(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return E^(j) and the CLS token's attention (B, h, 1 + N)."""
        values, row = self.attn.with_class_row(self.norm1(tokens))
        return self.add(tokens, values), row

    def with_matrix(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return E^(j) and the attention A^(j), (B, h, 1 + N, 1 + N)."""
        values, matrix = self.attn.with_matrix(self.norm1(tokens))
        return self.add(tokens, values), matrix

    def add(self, tokens: Tensor, values: Tensor) -> Tensor:
        """Return what Eq. 4 and 5 make of the attention's output."""
        tokens = tokens + self.drop_path(values)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class MLP(nn.Module):
    """Two linear layers with GELU between, dropout after both."""

    def __init__(self, hidden_size: int, mlp_size: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, mlp_size)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(mlp_size, hidden_size)
        self.drop = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, 1 + N, d)."""
        return self.drop(self.fc2(self.drop(self.act(self.fc1(tokens)))))
