"""Slice classifier: a Vision Transformer."""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn

from bundle.networks.conv_stem import ConvStem
from bundle.networks.embeddings import PatchEmbedding, PositionEncoding
from bundle.networks.evidence import Evidence, require_image
from bundle.networks.layers import Block
from bundle.networks.mask_head import MaskVote, PixelMaskHead, TokenMaskHead


class SliceViT(nn.Module):
    """Vision Transformer for slices, ViT-B/16 by default: (B, C, H, W) -> logits (B, K).

    The defaults are the network of the paper's experiments, with a position code of rows and columns. The class token
    gets no position code. `forward` computes logits only, with fused attention in every block;
    `forward_evidence` is the same pass and also returns what attribution methods need.

    Args:
        image_size: H = W in pixels, a multiple of the patch size.
        patch_size: side of a patch in pixels.
        in_channels: channels of a slice; C is slices times as many.
        num_classes: K; 1 for one logit.
        hidden_size: width d of a token.
        num_layers: blocks n.
        num_heads: attention heads h.
        mlp_ratio: width of a block's MLP divided by d.
        dropout: rate after both layers of each MLP.
        drop_path: rate of stochastic depth, the same in all blocks.
        patch_norm: "batch" as in the reference, or "none" as in the vanilla ViT.
        position_encoding: "sincos", "reference" or "learned".
        qkv_bias: bias of queries, keys and values.
        identical_blocks: start all blocks as copies of one with PyTorch's start values, as the reference does;
            otherwise each block has its own start values, truncated normal with standard deviation 0.02.
        stem: "patch", one projection of each patch, or "conv", see `ConvStem`; patch_norm is the former's.
        mask_head: None, "tokens" (`TokenMaskHead`) or "pixels" (`PixelMaskHead`, needs stem "conv"). A network with a
            head predicts the mask too, and its logit is that of class token and mask joined, see `MaskVote`; for K = 1.
        mask_only: the logits rest on the predicted mask alone.
        slices: that an image holds, one after another, each with in_channels channels; 3 with neighbors.

    Raises:
        ValueError: sizes that do not fit each other; in `forward`, an image of another size or number of channels.

    Source: paper, section 3.1.

    Example:
        >>> vit = SliceViT(image_size=32, patch_size=8, hidden_size=16, num_layers=2, num_heads=2).eval()
        >>> image = torch.rand(2, 3, 32, 32)
        >>> vit(image).shape, vit.forward_evidence(image).class_attention.shape
        (torch.Size([2, 1]), torch.Size([2, 2, 16]))
    """

    def __init__(
        self,
        image_size: int = 256,
        patch_size: int = 16,
        in_channels: int = 3,
        num_classes: int = 1,
        hidden_size: int = 768,
        num_layers: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.1,
        patch_norm: str = "batch",
        position_encoding: str = "sincos",
        qkv_bias: bool = False,
        identical_blocks: bool = False,
        stem: str = "patch",
        mask_head: str | None = None,
        mask_only: bool = False,
        slices: int = 1,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"image_size must be a multiple of patch_size {patch_size}, got {image_size}: change one.")
        if num_layers < 1:
            raise ValueError(f"num_layers must be at least 1, got {num_layers}: give the number of blocks.")
        self.image_size = image_size
        self.in_channels = slices * in_channels
        self.grid_hw = (image_size // patch_size, image_size // patch_size)
        self.patch_embed = _stem(stem, self.in_channels, hidden_size, patch_size, patch_norm)
        self.position = PositionEncoding(position_encoding, self.grid_hw, hidden_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, hidden_size))
        first = Block(hidden_size, num_heads, mlp_ratio, dropout, drop_path, qkv_bias)
        self.blocks = nn.ModuleList(copy.deepcopy(first) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, num_classes)
        if mask_head is not None and num_classes > 1:
            raise ValueError(
                f"mask_head must be null for several classes, got {mask_head!r} with num_classes {num_classes}: the "
                "mask of a slice is that of its own class, which one predicted mask cannot follow."
            )
        self.mask_head = None if mask_head is None else _mask_head(mask_head, hidden_size, self.patch_embed)
        self.mask_vote = None if mask_head is None else MaskVote(alone=mask_only)
        if not identical_blocks:
            self.apply(_set_start_values)
        if self.mask_vote is not None:
            self.mask_vote.set_start_values()
        if self.mask_vote is not None and self.mask_vote.alone:  # they get no gradient, for which DDP would wait
            self.norm.requires_grad_(False)
            self.head.requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, K)."""
        tokens, maps = self._start(image)
        for block in self.blocks:
            tokens = block(tokens)
        return self._with_mask(self.classify(tokens), tokens[:, 1:], maps)[0]

    def forward_evidence(self, image: Tensor, attentions: bool = False) -> Evidence:
        """Return logits and evidence of one pass.

        Args:
            image: (B, C, H, W).
            attentions: also compute the full attention of every block; memory grows with the square of the tokens.
        """
        (tokens, maps), blocks = self._start(image), cast("list[Block]", list(self.blocks))
        if attentions:
            matrices = []
            for block in blocks:
                tokens, matrix = block.with_matrix(tokens)
                matrices.append(matrix)
            return self._evidence(tokens, maps, matrices[-1][:, :, 0], tuple(matrices))
        for block in blocks[:-1]:
            tokens = block(tokens)
        tokens, cls_attention = blocks[-1].with_cls_attention(tokens)
        return self._evidence(tokens, maps, cls_attention, None)

    def embed(self, image: Tensor) -> Tensor:
        """Return E^(0), (B, 1 + N, d): the class token, then the patches with their position."""
        return self._start(image)[0]

    def classify(self, tokens: Tensor) -> Tensor:
        """Return logits (B, K) of the class token from E^(n)."""
        return self.head(self.norm(tokens[:, 0]))

    def _start(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return E^(0) and the feature maps of a convolutional stem, none of a patch projection."""
        require_image(image, (self.in_channels, self.image_size, self.image_size))
        patches, maps = self.patch_embed.stages(image)
        patches = self.position(patches)
        return torch.cat([self.cls_token.expand(image.shape[0], -1, -1), patches], dim=1), maps

    def _evidence(
        self, tokens: Tensor, maps: list[Tensor], cls_attention: Tensor, attentions: tuple[Tensor, ...] | None
    ) -> Evidence:
        """Return the evidence for E^(n) and the CLS token's attention (B, h, 1 + N)."""
        cls_token, patches = tokens.split([1, tokens.shape[1] - 1], dim=1)  # a cheaper backward pass than two slices
        logits, mask_logits = self._with_mask(self.classify(cls_token), patches, maps)
        return Evidence(logits, cls_attention[:, :, 1:], attentions, patches, self.grid_hw, mask_logits)

    def _with_mask(self, logits: Tensor, patches: Tensor, maps: list[Tensor]) -> tuple[Tensor, Tensor | None]:
        """Return the logits, joined with the predicted mask where there is a head, and its mask logits."""
        if self.mask_head is None or self.mask_vote is None:
            return logits, None
        mask_logits = self.mask_head(patches, self.grid_hw, maps)
        return self.mask_vote(logits, mask_logits), mask_logits


def _stem(kind: str, in_channels: int, hidden_size: int, patch_size: int, norm: str) -> PatchEmbedding | ConvStem:
    if kind == "patch":
        return PatchEmbedding(in_channels, hidden_size, patch_size, norm)
    if kind == "conv":
        return ConvStem(in_channels, hidden_size, patch_size)
    raise ValueError(f"stem must be patch or conv, got {kind!r}: choose one of these.")


def _mask_head(kind: str, hidden_size: int, stem: PatchEmbedding | ConvStem) -> TokenMaskHead | PixelMaskHead:
    if kind == "tokens":
        return TokenMaskHead(hidden_size)
    if kind == "pixels" and isinstance(stem, ConvStem):
        return PixelMaskHead(hidden_size, stem.channels)
    raise ValueError(
        f"mask_head must be null, tokens, or pixels with stem: conv, got {kind!r} with {type(stem).__name__}: choose "
        "one of these."
    )


def _set_start_values(module: nn.Module) -> None:
    """Start linear layers with a truncated normal of standard deviation 0.02 and no bias."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
