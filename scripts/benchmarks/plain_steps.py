"""Baselines of a training step, and its floor, without code of the project."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.plain_vit import PlainViT
from benchmarks.scale import Scale


class PlainSteps:
    """A textbook ViT, trained without supervision, and supervised the obvious way."""

    def __init__(self, scale: Scale, image: Tensor, mask: Tensor, label: Tensor) -> None:
        self.image, self.mask, self.label = image, mask, label
        self.kernel = dense_gaussian(scale.smoothing_kernel)
        self.grid = scale.image_size // scale.patch_size
        self.network = PlainViT(**scale.network)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-5, fused=True)

    def step(self) -> None:
        """Classification only."""
        self.update(F.binary_cross_entropy_with_logits(self.network(self.image), self.label))

    def dense_step(self) -> None:
        """EAFEM's loss (paper, Eq. 6 to 10) with all attention matrices and a two-dimensional blur."""
        network, matrices, size = self.network, [], self.image.shape[-2:]
        tokens = network.tokens(self.image, matrices)
        logits = network.head(network.norm(tokens[:, 0]))
        attention = torch.stack(matrices)[-1].mean(dim=1)[:, 0, 1:].reshape(-1, 1, self.grid, self.grid)
        embedding = tokens[:, 1:].mean(dim=-1).reshape(-1, 1, self.grid, self.grid)
        halves = [F.interpolate(half, size=size, mode="bilinear") for half in (attention, embedding)]
        p = (0.85 * halves[0] + 0.15 * halves[1]).flatten(1).log_softmax(dim=1)
        padding = [self.kernel.shape[-1] // 2] * 4
        q = F.conv2d(F.pad(self.mask.float(), padding, mode="reflect"), self.kernel).flatten(1).log_softmax(dim=1)
        kl = F.kl_div(p, q, reduction="batchmean", log_target=True)
        self.update(F.binary_cross_entropy_with_logits(logits, self.label) + 1000 * kl)

    def update(self, loss: Tensor) -> None:
        """Go back through the graph and change the weights."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def matrix_products(scale: Scale, batch: int) -> Callable[[], None]:
    """Return the floor of a step: the four products of each block and its attention, forward and backward."""
    d, heads, tokens = scale.hidden_size, scale.num_heads, (scale.image_size // scale.patch_size) ** 2 + 1
    blocks = [
        [nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)]
        for _ in range(scale.num_layers)
    ]
    start = torch.rand(batch, tokens, d, requires_grad=True)
    gradient = torch.ones(batch, tokens, d)

    def step() -> None:
        x = start
        for qkv, proj, fc1, fc2 in blocks:
            q, k, v = qkv(x).reshape(batch, tokens, 3, heads, d // heads).permute(2, 0, 3, 1, 4).unbind(0)
            values = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, d)
            x = fc2(fc1(proj(values)))
        for weight in (weight for block in blocks for layer in block for weight in layer.parameters()):
            weight.grad = None
        start.grad = None
        x.backward(gradient)

    return step


def dense_gaussian(side: int) -> Tensor:
    """Return a Gaussian (1, 1, side, side) that sums to 1."""
    line = torch.softmax(-0.5 * ((torch.arange(side) - side // 2) / (0.15 * side + 0.35)) ** 2, dim=0)
    return torch.outer(line, line)[None, None]
