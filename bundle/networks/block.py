"""One transformer block (paper, Eq. 3 to 5)."""

from __future__ import annotations

from torch import Tensor, nn

from bundle.networks.attention import Attention
from bundle.networks.drop_path import DropPath
from bundle.networks.dropout import Dropout


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
