"""Reconstruction loss of a masked autoencoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from bundle.networks.masked_autoencoder import Reconstruction


class MaskedPatchLoss(nn.Module):
    """Mean squared error over the pixels of the hidden patches: (Reconstruction, anything) -> scalar.

    Args:
        normalize: scale each patch to mean 0 and variance 1 before it is compared, as the paper does.
        floor: added to the variance of a patch, so that the noise of an empty one is not blown up.

    Source: K. He et al., "Masked autoencoders are scalable vision learners", CVPR 2022.

    Example:
        >>> shown = torch.tensor([[0.0, 1.0]])
        >>> guess = Reconstruction(torch.zeros(1, 2, 3), torch.full((1, 2, 3), 2.0), shown)
        >>> MaskedPatchLoss(normalize=False)(guess)
        tensor(4.)
    """

    def __init__(self, normalize: bool = True, floor: float = 1e-4) -> None:
        super().__init__()
        self.normalize = normalize
        self.floor = floor

    def forward(self, found: Reconstruction, label: Any = None) -> Tensor:
        """Return the error of a batch; the label of its slices is not read."""
        target = found.target.float()
        if self.normalize:
            variance, mean = torch.var_mean(target, dim=-1, keepdim=True)
            target = (target - mean) / (variance + self.floor).sqrt()
        error = (found.pixels.float() - target).square().mean(dim=-1)
        return (error * found.masked).sum() / found.masked.sum()
