"""A baseline: the paper's network as a textbook writes it, without code of the project."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainBlock(nn.Module):
    """Pre-norm block with dropout 0.1 and stochastic depth 0.1."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1, self.norm2 = nn.LayerNorm(hidden_size), nn.LayerNorm(hidden_size)
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.proj = nn.Linear(hidden_size, hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(4 * hidden_size, hidden_size),
            nn.Dropout(0.1),
        )

    def forward(self, x: Tensor, matrices: list[Tensor] | None) -> Tensor:
        """(B, T, d) -> (B, T, d); with a list, the attention is computed as a matrix and added to it."""
        B, T, d = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(B, T, 3, self.num_heads, d // self.num_heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        if matrices is None:
            values = F.scaled_dot_product_attention(q, k, v)
        else:
            matrices.append((q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1))
            values = matrices[-1] @ v
        x = x + self.drop_path(self.proj(values.transpose(1, 2).reshape(B, T, d)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def drop_path(self, branch: Tensor) -> Tensor:
        """Leave out the branch of a tenth of the samples."""
        if not self.training:
            return branch
        return branch * (torch.rand(len(branch), 1, 1, device=branch.device) < 0.9) / 0.9


class PlainViT(nn.Module):
    """Vision transformer of one logit with a batch norm in its patch embedding: (B, 3, S, S) -> (B, 1)."""

    def __init__(self, image_size: int, patch_size: int, hidden_size: int, num_layers: int, num_heads: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, hidden_size, patch_size, patch_size)
        self.patch_norm = nn.BatchNorm2d(hidden_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, hidden_size))
        self.position = nn.Buffer(torch.randn(1, (image_size // patch_size) ** 2, hidden_size))
        self.blocks = nn.ModuleList(PlainBlock(hidden_size, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def tokens(self, image: Tensor, matrices: list[Tensor] | None = None) -> Tensor:
        """Return the output of the last block, (B, 1 + N, d)."""
        x = self.patch_norm(self.patches(image)).flatten(2).transpose(1, 2) + self.position
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)
        for block in self.blocks:
            x = block(x, matrices)
        return x

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, 1)."""
        return self.head(self.norm(self.tokens(image)[:, 0]))
