"""Imputations of RES: the exact mask behind a roughly drawn one, estimated per patch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GaussianImputation(nn.Module):
    """Mask smoothed by a 3 px Gaussian (sigma 0.8 px) at full size, then nearest per patch.

    Args:
        kernel_size_px: odd; sigma is 0.15 * kernel_size_px + 0.35 px, as for the smoothed mask.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Source: RES-G as LGM-ViT's authors compare it.

    Example:
        >>> GaussianImputation()(torch.ones(1, 1, 8, 8), torch.ones(1, 3, 8, 8), (2, 2)).shape
        torch.Size([1, 1, 2, 2])
    """

    kernel: Tensor

    def __init__(self, kernel_size_px: int = 3) -> None:
        super().__init__()
        # not the softmax of `transforms.SmoothMask`: same formula, other rounding, and trained runs keep their bits
        offset = torch.arange(kernel_size_px) - (kernel_size_px - 1) / 2
        weights = torch.exp(-0.5 * (offset / (0.15 * kernel_size_px + 0.35)) ** 2)
        weights = weights / weights.sum()
        self.register_buffer("kernel", torch.outer(weights, weights)[None, None], persistent=False)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the smoothed mask per patch."""
        padding = [self.kernel.shape[-1] // 2] * 4
        smoothed = F.conv2d(F.pad(mask, padding, mode="reflect"), self.kernel.to(mask.device))
        return F.interpolate(smoothed, size=grid_hw, mode="nearest")


class GridGaussianImputation(nn.Module):
    """Mask per patch (nearest), smoothed on the grid by [1/4 1/2 1/4] in both directions, divided by its maximum.

    The border is reflected without repeating the border patch, as in OpenCV's blur.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Source: Gao et al., RES (2022), RES-G.

    Example:
        >>> mask = torch.zeros(1, 1, 10, 10)
        >>> mask[..., 4:6, 4:6] = 1
        >>> GridGaussianImputation()(mask, mask, (5, 5))[0, 0, 2].tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        weights = torch.tensor([0.25, 0.5, 0.25])
        # moved with the loss: numbers copied to the device in every step would wait for it
        self.register_buffer("kernel", torch.outer(weights, weights)[None, None], persistent=False)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the smoothed mask per patch."""
        grid = F.interpolate(mask.clamp(min=0), size=grid_hw, mode="nearest")
        mirrored = F.pad(grid, [1] * 4, mode="reflect" if min(grid_hw) > 1 else "replicate")
        smoothed = F.conv2d(mirrored, self.kernel.to(mask))
        return smoothed / smoothed.amax(dim=(2, 3), keepdim=True).clamp(min=1e-6)


class LearnedImputation(nn.Module):
    """Stride-2 convolutions on mask and image down to the patches, ReLU after each, min-max over the batch.

    One convolution per halving: four for 16 px patches. The weights are trained with the network.

    Args:
        patch_size: pixels a side of a patch, a power of two from 4 on.
        in_channels: C, channels of a slice; those of its neighbors, which follow in the image, are not read.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Raises:
        ValueError: patch_size is no power of two from 4 on.

    Source: RES-L ("D2") as LGM-ViT's authors compare it.

    Example:
        >>> LearnedImputation()(torch.ones(1, 1, 32, 32), torch.rand(1, 3, 32, 32), (2, 2)).shape
        torch.Size([1, 1, 2, 2])
    """

    def __init__(self, patch_size: int = 16, in_channels: int = 3) -> None:
        super().__init__()
        halvings = patch_size.bit_length() - 1
        if halvings < 2 or patch_size != 2**halvings:
            raise ValueError(f"patch_size must be 4, 8, 16, 32, ..., got {patch_size}: choose a power of two.")
        self.in_channels = in_channels
        width = in_channels + 1
        for i in range(1, halvings + 1):
            size = 7 if i == 1 else 3
            layer = nn.Conv2d(width, 1 if i == halvings else width, size, stride=2, padding=size // 2)
            self.add_module(f"imp_conv{i}", layer)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the learned mask per patch."""
        features = torch.cat([mask, image[:, : self.in_channels].float()], dim=1)
        for layer in self.children():
            features = layer(features).relu()
        features = F.interpolate(features, size=grid_hw, mode="nearest")  # drops a partial patch at the border
        low = features.amin()
        return (features - low) / (features.amax() - low + 1e-6)


class OneConvolutionImputation(nn.Module):
    """One convolution of the mask, two patches wide, stride one patch, min-max per slice.

    RES's authors use 64 px, stride 32, padding 16 for a 7 x 7 grid.

    Args:
        patch_size: pixels a side of a patch, even.

    Shapes:
        mask (B, 1, H, W), image (B, C, H, W), grid_hw -> (B, 1, gh, gw) in [0, 1].

    Source: Gao et al., RES (2022), RES-L.

    Example:
        >>> import torch
        >>> OneConvolutionImputation(8)(torch.ones(1, 1, 32, 32), torch.rand(1, 3, 32, 32), (4, 4)).shape
        torch.Size([1, 1, 4, 4])
    """

    def __init__(self, patch_size: int = 16) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2 * patch_size, stride=patch_size, padding=patch_size // 2)

    def forward(self, mask: Tensor, image: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Return the learned mask per patch."""
        features: Tensor = self.conv((mask > 0).float())
        low, high = features.amin(dim=(1, 2, 3), keepdim=True), features.amax(dim=(1, 2, 3), keepdim=True)
        return (features - low) / (high - low + 1e-6)
