"""Dropout that does not hold up a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
