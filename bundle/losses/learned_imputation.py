"""What a rough mask may have meant: a learned answer."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LearnedImputation(nn.Module):
    """Stride-2 convolutions on mask and image down to the patches, ReLU after each, min-max over the batch.

    Four convolutions for 16 px patches, one for each halving; its weights are trained with the network.

    Args:
        patch_size: pixels a side of a patch, a power of two from 4 on.
        in_channels: channels C of the image.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Raises:
        ValueError: another patch size.

    Source: RES-L ("D2") as LGM-ViT's authors compare it.

    Example:
        >>> LearnedImputation()(torch.ones(1, 1, 32, 32), torch.rand(1, 3, 32, 32), (2, 2)).shape
        torch.Size([1, 1, 2, 2])
    """

    def __init__(self, patch_size: int = 16, in_channels: int = 3) -> None:
        super().__init__()
        halvings = patch_size.bit_length() - 1
        if halvings < 2 or patch_size != 2**halvings:
            raise ValueError(f"LearnedImputation expected patch_size to be 4, 8, 16, 32, ..., got {patch_size}.")
        width = in_channels + 1
        for i in range(1, halvings + 1):
            size = 7 if i == 1 else 3
            layer = nn.Conv2d(width, 1 if i == halvings else width, size, stride=2, padding=size // 2)
            self.add_module(f"imp_conv{i}", layer)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the learned mask per patch."""
        features = torch.cat([mask, image.float()], dim=1)
        for layer in self.children():
            features = layer(features).relu()
        features = F.interpolate(features, size=grid_hw, mode="nearest")  # one more where patches do not fill the image
        low = features.amin()
        return (features - low) / (features.amax() - low + 1e-6)
