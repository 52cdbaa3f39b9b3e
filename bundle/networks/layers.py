"""Layers of the Vision Transformer: block, self-attention (paper, Eq. 1 and 2), MLP, dropout, stochastic depth."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_DRAWS = 2**16
"""Number of values of a random draw of 16 bits."""


class Block(nn.Module):
    """Pre-norm attention and MLP, each with a residual connection: (B, 1 + N, d) -> (B, 1 + N, d).

    Args:
        hidden_size: d.
        num_heads: attention heads.
        mlp_ratio: width of the MLP divided by d.
        dropout: rate after both layers of the MLP.
        drop_path: rate of stochastic depth, in [0, 1).
        qkv_bias: bias of queries, keys and values.

    Raises:
        ValueError: drop_path outside [0, 1).

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
        if not 0 <= drop_path < 1:
            raise ValueError(f"drop_path must be in [0, 1), got {drop_path}: give the share of dropped branches.")
        self.norm1 = nn.LayerNorm(hidden_size)
        self.attn = Attention(hidden_size, num_heads, qkv_bias)
        self.drop_path = drop_path
        self.norm2 = nn.LayerNorm(hidden_size)
        self.mlp = MLP(hidden_size, round(hidden_size * mlp_ratio), dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return E^(j) for E^(j-1)."""
        return self._add_branches(tokens, self.attn(self.norm1(tokens)))

    def with_cls_attention(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return E^(j) and the CLS token's attention (B, h, 1 + N)."""
        values, row = self.attn.with_cls_attention(self.norm1(tokens))
        return self._add_branches(tokens, values), row

    def with_matrix(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return E^(j) and the attention A^(j), (B, h, 1 + N, 1 + N)."""
        values, matrix = self.attn.with_matrix(self.norm1(tokens))
        return self._add_branches(tokens, values), matrix

    def _add_branches(self, tokens: Tensor, values: Tensor) -> Tensor:
        """Return the tokens plus attention and MLP branch (paper, Eq. 4 and 5)."""
        tokens = tokens + self.drop(values)
        return tokens + self.drop(self.mlp(self.norm2(tokens)))

    def drop(self, branch: Tensor) -> Tensor:
        """Return a branch (B, 1 + N, d), dropped for some samples and scaled up for the others while training."""
        if not self.training or self.drop_path == 0:
            return branch
        # MONAI's DropPath cannot be scripted, and rounds the last bit otherwise than in all recorded runs
        kept = branch.new_empty([branch.shape[0], 1, 1]).bernoulli_(1 - self.drop_path)
        return branch * kept / (1 - self.drop_path)


class Attention(nn.Module):
    """Multi-head self-attention: (B, 1 + N, d) -> (B, 1 + N, d), with attention weights on request.

    `forward` runs the fused kernel only. `with_cls_attention` adds softmax(q_cls k^T), (B, h, 1 + N), with gradient:
    one row per head instead of the full matrix. `with_matrix` computes and uses the full matrix, if a method needs it.

    Args:
        hidden_size: d.
        num_heads: h, a divisor of d.
        qkv_bias: bias of queries, keys and values.

    Raises:
        ValueError: num_heads does not divide hidden_size.

    Example:
        >>> import torch
        >>> output, row = Attention(16, 4).with_cls_attention(torch.rand(2, 5, 16))
        >>> output.shape, row.shape
        (torch.Size([2, 5, 16]), torch.Size([2, 4, 5]))
    """

    def __init__(self, hidden_size: int, num_heads: int, qkv_bias: bool = False) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(f"num_heads must divide hidden_size {hidden_size}, got {num_heads}: choose a divisor.")
        self.num_heads = num_heads
        self.scale = (hidden_size // num_heads) ** -0.5
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=qkv_bias)
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, 1 + N, d)."""
        q, k, v = self.split(tokens)
        return self.merge(F.scaled_dot_product_attention(q, k, v))

    def with_cls_attention(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and the CLS token's attention (B, h, 1 + N)."""
        q, k, v = self.split(tokens)
        row = (q[:, :, :1] @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        return self.merge(F.scaled_dot_product_attention(q, k, v)), row[:, :, 0]

    def with_matrix(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output and its attention matrix (B, h, 1 + N, 1 + N)."""
        q, k, v = self.split(tokens)
        matrix = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        if torch.is_grad_enabled() and not matrix.requires_grad:
            matrix.requires_grad_()  # let attribution methods take gradients even if earlier blocks are frozen
        return self.merge(matrix @ v), matrix

    def split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, (B, h, 1 + N, d / h) each."""
        qkv = self.qkv(tokens).unflatten(2, [3, self.num_heads, -1]).permute(2, 0, 3, 1, 4)  # (3, B, h, 1 + N, d / h)
        return qkv[0], qkv[1], qkv[2]

    def merge(self, values: Tensor) -> Tensor:
        """Return the heads' values concatenated and projected, (B, 1 + N, d)."""
        return self.proj(values.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with GELU between, dropout after both: (B, 1 + N, d) -> (B, 1 + N, d)."""

    def __init__(self, hidden_size: int, mlp_size: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(hidden_size, mlp_size)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(mlp_size, hidden_size)
        self.drop = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, 1 + N, d)."""
        return self.drop(self.fc2(self.drop(self.act(self.fc1(tokens)))))


class Dropout(nn.Module):
    """Dropout of single values: zero with probability `rate` in training, the rest divided by 1 - rate.

    PyTorch's dropout draws one random number per value on a CPU, a measurable share of a training step. Here one random
    number gives four draws of 16 bits; the rate is rounded to a multiple of 2**-16 and the scale fits the rounded rate.
    Other devices and compiled networks run PyTorch's kernel. All draws come from PyTorch's generator of the device.

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
            raise ValueError(f"dropout must be in [0, 1), got {rate}: give the share of dropped values.")
        self.rate = rate

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens with some values dropped."""
        if torch.jit.is_scripting():
            return F.dropout(tokens, self.rate, self.training)
        else:  # noqa: RET505, what follows is no TorchScript, which leaves out a branch but not what stands behind one
            if not self.training or self.rate == 0:
                return tokens
            if tokens.device.type != "cpu" or torch.compiler.is_compiling():
                return F.dropout(tokens, self.rate)
            dropped = round(self.rate * _DRAWS)
            kept = draw_16_bits(tokens.numel()).view(tokens.shape) >= dropped - _DRAWS // 2
            return tokens * (kept * (_DRAWS / (_DRAWS - dropped))).to(tokens.dtype)


def draw_16_bits(count: int) -> Tensor:
    """Return (count,) random numbers of int16, uniform over all their values."""
    four_each = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
    return four_each.view(torch.int16)[:count]
