"""Stochastic depth."""

from __future__ import annotations

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
