"""Masked autoencoder: a slice network learns without labels by guessing the patches that it is not shown."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from bundle.networks.conv_stem import ConvStem
from bundle.networks.embeddings import sincos_code
from bundle.networks.layers import Block
from bundle.networks.slice_vit import SliceViT

ENCODER = "encoder."
"""Prefix of the network's weights among those of its autoencoder."""
ENCODING = ("patch_embed", "cls_token", "position", "blocks", "norm")
"""Parts of a `SliceViT` that make tokens of an image; the others read them."""


class Reconstruction(NamedTuple):
    """Patches of a batch as the autoencoder guesses them, as they are, and which of them it was not shown.

    Args:
        pixels: (B, N, p * p * C), guessed.
        target: (B, N, p * p * C), pixels of the images.
        masked: (B, N) float, 1 where the encoder did not see the patch.

    Example:
        >>> Reconstruction(torch.zeros(1, 4, 3), torch.ones(1, 4, 3), torch.ones(1, 4)).masked.sum()
        tensor(4.)
    """

    pixels: Tensor
    target: Tensor
    masked: Tensor


class MaskedAutoencoder(nn.Module):
    """Slice network as encoder of the visible patches, and a light decoder: (B, C, H, W) -> Reconstruction.

    Each forward pass hides a random share of the patches of each image. The blocks of the network run on the rest, so a
    step costs about a third of one of the classifier. Then the decoder gets a learned token in place of each hidden
    patch. The heads of the network take no part and are not trained. The state dict has the network under "encoder.".

    Not MONAI's `MaskedAutoEncoderViT`, whose encoder is its own ViT: its weights fit no `SliceViT`.

    Args:
        network: classifier that learns; its weights are shared, not copied.
        mask_ratio: share of hidden patches, in (0, 1).
        decoder_size: width of the decoder's tokens, a multiple of 4 and of the network's heads; by default half the
            network's.
        decoder_layers: blocks of the decoder.

    Raises:
        TypeError: the network has no tokens.
        ValueError: mask_ratio hides no patch or all; the network has a convolutional stem.

    Source: K. He et al., "Masked autoencoders are scalable vision learners", CVPR 2022.

    Example:
        >>> vit = SliceViT(image_size=32, patch_size=8, hidden_size=16, num_layers=2, num_heads=2)
        >>> found = MaskedAutoencoder(vit, decoder_size=8)(torch.rand(2, 3, 32, 32))
        >>> found.pixels.shape, found.masked.sum(dim=1)
        (torch.Size([2, 16, 192]), tensor([12., 12.]))
    """

    def __init__(
        self, network: SliceViT, mask_ratio: float = 0.75, decoder_size: int | None = None, decoder_layers: int = 2
    ) -> None:
        super().__init__()
        _require_patches(network)
        height, width = network.grid_hw
        self.num_visible = round((1 - mask_ratio) * height * width)
        if not 0 < self.num_visible < height * width:
            raise ValueError(
                f"mask_ratio must hide some of the {height * width} patches, got {mask_ratio}: try 0.75, the paper's."
            )
        first, hidden_size = cast("Block", network.blocks[0]), network.cls_token.shape[-1]
        decoder_size = decoder_size or hidden_size // 2
        self.patch_size = network.image_size // height
        self.encoder = network
        for name, part in network.named_children():
            if name not in ENCODING:
                part.requires_grad_(False)  # it gets no gradient, for which DDP would wait
        self.narrow = nn.Linear(hidden_size, decoder_size)
        self.hidden = nn.Parameter(torch.zeros(1, 1, decoder_size))
        self.code: Tensor
        self.register_buffer("code", sincos_code(network.grid_hw, decoder_size), persistent=False)
        blocks = [Block(decoder_size, first.attn.num_heads, dropout=0.0, drop_path=0.0) for _ in range(decoder_layers)]
        self.decoder = nn.Sequential(*blocks, nn.LayerNorm(decoder_size))
        self.to_pixels = nn.Linear(decoder_size, self.patch_size**2 * network.in_channels)

    def forward(self, image: Tensor) -> Reconstruction:
        """Return guessed and true pixels of all patches, and which were hidden."""
        tokens = self.encoder.embed(image)
        order = torch.rand(tokens.shape[0], tokens.shape[1] - 1, device=tokens.device).argsort(dim=1)
        cls_token, patches = tokens[:, :1], _taken(tokens[:, 1:], order[:, : self.num_visible])
        seen = torch.cat([cls_token, patches], dim=1)
        for block in self.encoder.blocks:
            seen = block(seen)
        places = order.argsort(dim=1)  # of each patch in the random order
        pixels = self._decode(self.narrow(self.encoder.norm(seen)), places)
        side = {"p": self.patch_size, "q": self.patch_size}
        target = rearrange(image, "b c (h p) (w q) -> b (h w) (p q c)", **side)
        return Reconstruction(pixels, target, (places >= self.num_visible).float())

    def _decode(self, seen: Tensor, places: Tensor) -> Tensor:
        """Return the pixels of all patches in their places, from the class token and the visible patches."""
        count = places.shape[1] - self.num_visible
        hidden = self.hidden.to(seen.dtype).expand(seen.shape[0], count, -1)
        patches = _taken(torch.cat([seen[:, 1:], hidden], dim=1), places) + self.code
        return self.to_pixels(self.decoder(torch.cat([seen[:, :1], patches], dim=1))[:, 1:])


def _taken(tokens: Tensor, places: Tensor) -> Tensor:
    """Return the tokens (B, M, d) in these places (B, M) of each sample."""
    return tokens.gather(1, places[..., None].expand(-1, -1, tokens.shape[-1]))


def _require_patches(network: nn.Module) -> None:
    """Refuse a network that has no tokens, or whose tokens see more than their patch."""
    if not isinstance(network, SliceViT):
        raise TypeError(
            f"network must be a SliceViT to learn from masked patches, got {type(network).__name__}: "
            "leave configs/pretrain.json out."
        )
    if isinstance(network.patch_embed, ConvStem):
        raise ValueError(
            "stem of a network that learns from masked patches must be patch, got conv, whose tokens see pixels of "
            "hidden patches: pretrain with stem: patch, or leave configs/pretrain.json out."
        )
