"""What a rough mask may have meant: one learned convolution of it."""

from __future__ import annotations

from torch import Tensor, nn


class OneConvolutionImputation(nn.Module):
    """One convolution of the mask, two patches wide, one patch a step, min-max per slice.

    64 px, stride 32 and padding 16 for the 7 x 7 grid of RES's authors.

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
