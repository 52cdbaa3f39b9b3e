"""Convolutional stem: tokens from a few small convolutions in place of one large projection."""

from __future__ import annotations

from torch import Tensor, nn


class ConvStem(nn.Module):
    """Stages of 3 x 3 convolutions, each of which halves the grid, then a linear map to tokens.

    The tokens lie on the grid of a patch projection, one for each `patch_size` x `patch_size` pixels, so all that
    follows is the same. Early convolutions see edges and texture that one projection does not learn from few slices,
    and training is steadier.

    Args:
        in_channels: C.
        hidden_size: d; stage i of n has d / 2^(n - i) channels, at least 8.
        patch_size: pixels a side of a token's cell, a power of 2 from 2 on.

    Shapes:
        (B, C, H, W) -> tokens (B, N, d); `stages` gives the feature maps too.

    Raises:
        ValueError: a patch size that is no power of 2.

    Source: Xiao et al., Early Convolutions Help Transformers See Better (2021).

    Example:
        >>> import torch
        >>> stem = ConvStem(3, 16, patch_size=8)
        >>> tokens, maps = stem.stages(torch.rand(2, 3, 32, 32))
        >>> tokens.shape, [tuple(features.shape[1:]) for features in maps]
        (torch.Size([2, 16, 16]), [(8, 16, 16), (8, 8, 8), (8, 4, 4)])
    """

    def __init__(self, in_channels: int, hidden_size: int, patch_size: int) -> None:
        super().__init__()
        count = patch_size.bit_length() - 1
        if count < 1 or 2**count != patch_size:
            raise ValueError(
                f"patch_size of a convolutional stem must be a power of 2 from 2 on, got {patch_size}: choose another, "
                "or stem: patch."
            )
        self.channels = [max(8, hidden_size >> (count - stage)) for stage in range(count)]
        before = [in_channels, *self.channels[:-1]]
        self.convs = nn.ModuleList(conv_norm_act(*pair, stride=2) for pair in zip(before, self.channels, strict=True))
        self.proj = nn.Conv2d(self.channels[-1], hidden_size, kernel_size=1)

    def forward(self, image: Tensor) -> Tensor:
        """Return the tokens."""
        return self.stages(image)[0]

    def stages(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the tokens and the feature maps of all stages, the finest first."""
        maps = []
        for conv in self.convs:
            image = conv(image)
            maps.append(image)
        return self.proj(image).flatten(2).transpose(1, 2), maps


def conv_norm_act(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Return a 3 x 3 convolution with batch normalization and GELU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.GELU())
