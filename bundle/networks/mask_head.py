"""Dense head: a mask predicted from the tokens, and what it says of the slice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bundle.networks.conv_stem import conv_norm_act

_TOP_SHARE = 64
"""A slice is judged by one in so many cells: those with the highest probability."""


class TokenMaskHead(nn.Module):
    """A logit for each token: the share of its patch that the mask covers.

    Shapes:
        tokens (B, N, d) on a grid gh x gw -> (B, 1, gh, gw).

    Source: Hooper et al., A case for reframing automated medical image classification as segmentation (2023).

    Example:
        >>> TokenMaskHead(8)(torch.rand(2, 4, 8), (2, 2), []).shape
        torch.Size([2, 1, 2, 2])
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        self.logit = nn.Linear(hidden_size, 1)

    def forward(self, tokens: Tensor, grid_hw: tuple[int, int], maps: list[Tensor]) -> Tensor:
        """Return mask logits; the stem's maps are not used."""
        return self.logit(self.norm(tokens)).transpose(1, 2).unflatten(2, grid_hw)


class PixelMaskHead(nn.Module):
    """Mask logits at half the resolution of the image: tokens are upsampled beside the feature maps of the stem.

    Args:
        hidden_size: d.
        channels: of the stem's feature maps, the finest first; the last is on the tokens' grid and is not used.

    Shapes:
        tokens (B, N, d) and maps (B, c, h, w) -> (B, 1, H/2, W/2) for an image of H x W pixels.

    Source: the decoder of U-Net, on tokens as in Chen et al., TransUNet (2021).

    Example:
        >>> maps = [torch.rand(1, 4, 8, 8), torch.rand(1, 8, 4, 4), torch.rand(1, 8, 2, 2)]
        >>> PixelMaskHead(16, [4, 8, 8])(torch.rand(1, 4, 16), (2, 2), maps).shape
        torch.Size([1, 1, 8, 8])
    """

    def __init__(self, hidden_size: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden_size)
        coarse_first = list(channels[-2::-1])
        before = [hidden_size, *coarse_first][: len(coarse_first)]
        self.convs = nn.ModuleList(
            conv_norm_act(below + skip, skip) for below, skip in zip(before, coarse_first, strict=True)
        )
        self.logit = nn.Conv2d(coarse_first[-1] if coarse_first else hidden_size, 1, kernel_size=1)

    def forward(self, tokens: Tensor, grid_hw: tuple[int, int], maps: list[Tensor]) -> Tensor:
        """Return mask logits."""
        grid = self.norm(tokens).transpose(1, 2).unflatten(2, grid_hw)
        for number, conv in enumerate(self.convs):
            skip = maps[-2 - number]
            grid = F.interpolate(grid, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            grid = conv(torch.cat([grid, skip], dim=1))
        return self.logit(grid)


class MaskVote(nn.Module):
    """Logit of the slice joined with that of its predicted mask: (B, 1) and mask logits (B, 1, h, w) -> (B, 1).

    The mask's logit is that of the mean probability of its highest 64th of cells. Training finds the weights of both;
    they start with half each.

    Args:
        alone: the slice's own logit has no vote, the answer rests on the mask.

    Example:
        >>> vote = MaskVote()
        >>> round(vote(torch.tensor([[2.0]]), torch.full((1, 1, 8, 8), 4.0)).item(), 3)
        3.0
    """

    def __init__(self, alone: bool = False) -> None:
        super().__init__()
        self.alone = alone
        self.top_share = _TOP_SHARE  # TorchScript knows no constant of a module
        self.join = nn.Linear(1 if alone else 2, 1)
        self.set_start_values()

    def set_start_values(self) -> None:
        """Start with half of each logit, or with the mask's."""
        nn.init.constant_(self.join.weight, 1.0 if self.alone else 0.5)
        nn.init.zeros_(self.join.bias)

    def forward(self, logits: Tensor, mask_logits: Tensor) -> Tensor:
        """Return the joined logits."""
        cells = mask_logits.float().flatten(1).sigmoid()
        highest = cells.topk(max(1, cells.shape[1] // self.top_share), dim=1).values.mean(dim=1, keepdim=True)
        of_mask = highest.clamp(1e-4, 1 - 1e-4).logit().to(logits.dtype)
        return self.join(of_mask if self.alone else torch.cat([logits, of_mask], dim=1))
