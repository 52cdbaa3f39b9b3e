"""Weights of other Vision Transformers, brought into the names and the form of `SliceViT`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import isqrt
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bundle.networks.weights import read_tensors

CODE = "position.code"
PATCHES = "patch_embed.proj.weight"
_NESTED = ("model", "state_dict", "teacher")
"""Entries under which training code keeps a state dict."""
_RENAMED = (
    (r"^(?:(?:module|model|backbone|encoder)\.)+", ""),
    (r"^patch_embedding\.patch_embeddings\.", "patch_embed.proj."),  # MONAI
    (r"^(?:patch_embedding\.position_embeddings|pos_embed)$", CODE),
    (r"^blocks\.\d+\.(\d+)\.", r"blocks.\1."),  # DINOv2 keeps blocks in chunks while it trains
    (r"^blocks\.\d+\.(weight|bias)$", r"norm.\1"),  # the last norm of MONAI's autoencoder
    (r"\.mlp\.linear([12])\.", r".mlp.fc\1."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.gamma_([12])$", r".ls\1.gamma"),
)
"""Pattern of a name in timm, DINOv2, MAE or MONAI -> its name here. All others are the same."""


def read_foreign_weights(path: str | Path) -> dict[str, Tensor]:
    """Return the float32 weights of a file under the names of `SliceViT`; what has no such name keeps its own.

    Args:
        path: file by `torch.save`, with a state dict or one under "model", "state_dict" or "teacher"; or `.safetensors`
            where that package is installed.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it holds no state dict, two weights of one name, or NaN; see also `read_tensors`.
    """
    path = Path(path)
    content: Mapping[str, Any] = _read_safetensors(path) if path.suffix == ".safetensors" else read_tensors(path)
    while nested := next((content[key] for key in _NESTED if isinstance(content.get(key), Mapping)), None):
        content = nested
    state = {name: value.float() for name, value in content.items() if isinstance(value, Tensor)}
    named = {own_name(name): value for name, value in state.items()}
    damaged = [name for name, value in named.items() if not value.isfinite().all()]
    if damaged or not named or len(named) < len(state):
        found = f"NaN or infinity in {damaged[0]}" if damaged else "two of one name" if named else "none"
        raise ValueError(f"{path} must hold the weights of one network, got {found}: give another file.")
    return named


def own_name(name: str) -> str:
    """Return the name of a weight here.

    Example:
        >>> own_name("module.blocks.0.attn.out_proj.bias"), own_name("pos_embed"), own_name("blocks.2.11.norm1.bias")
        ('blocks.0.attn.proj.bias', 'position.code', 'blocks.11.norm1.bias')
    """
    for pattern, own in _RENAMED:
        name = re.sub(pattern, own, name)
    return name


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ValueError(
            f"{path} must be a file by torch.save where the package safetensors is missing, got .safetensors: "
            "run `pip install safetensors`."
        ) from error
    loaded: dict[str, Tensor] = load_file(path)
    return loaded


def fold_layer_scales(state: dict[str, Tensor]) -> Iterator[str]:
    """Multiply each learned scale of a branch into the layer before it, which computes the same; in place.

    Yields:
        What was done, in words.
    """
    scales = [name for name in state if re.search(r"^blocks\.\d+\.ls[12]\.gamma$", name)]
    for name in scales:
        layer = name.replace("ls1.gamma", "attn.proj").replace("ls2.gamma", "mlp.fc2")
        gamma = state.pop(name)
        state[f"{layer}.weight"] = gamma[:, None] * state[f"{layer}.weight"]
        state[f"{layer}.bias"] = gamma * state[f"{layer}.bias"]
    if scales:
        yield f"{len(scales)} layer scales are multiplied into the layers before them"


def fit_position_code(state: dict[str, Tensor], grid_hw: tuple[int, int]) -> Iterator[str]:
    """Add the class token's code to the class token, which has none here, and resample the patches' code; in place.

    Args:
        state: its code is (N, d) or (1, M + N, d), with M codes in front that belong to class and other tokens.
        grid_hw: patches of the network in rows and columns.

    Yields:
        What was done, in words.
    """
    if CODE not in state:
        return
    code = state[CODE].reshape(-1, state[CODE].shape[-1])
    side = isqrt(len(code))
    front = len(code) - side**2
    if front > 2:  # no square of patches behind class and distillation token
        return
    if front and "cls_token" in state:
        state["cls_token"] = state["cls_token"] + code[0]
        yield "the class token's position code is added to the class token"
    grid = code[front:].T.reshape(1, -1, side, side)
    if grid_hw != (side, side):
        grid = F.interpolate(grid, grid_hw, mode="bicubic", antialias=True)
        yield f"the position code is resampled from {side} x {side} to {grid_hw[0]} x {grid_hw[1]} patches"
    state[CODE] = grid.flatten(2)[0].T.contiguous()


def fit_patches(state: dict[str, Tensor], in_channels: int, patch_size: int) -> Iterator[str]:
    """Bring the projection of the patches to other channels and another patch size; in place.

    The sum of the channels is shared out evenly: a gray image gives the same tokens, and contrasts are no colors. The
    size changes by the pseudoinverse of a bicubic resize: a patch of smooth content gives the same token.

    Yields:
        What was done, in words.

    Source: L. Beyer et al., "FlexiViT: one model for all patch sizes", CVPR 2023, section 3.4.
    """
    weight = state.get(PATCHES)
    if weight is None or weight.ndim != 4 or weight.shape[2] != weight.shape[3]:
        return
    channels, side = weight.shape[1:3]
    if channels != in_channels:
        weight = weight.sum(dim=1, keepdim=True).repeat(1, in_channels, 1, 1) / in_channels
        yield f"the {channels} channels of the patch projection are summed and shared out to {in_channels}"
    if side != patch_size:
        pixels = torch.eye(side**2, dtype=torch.float64).reshape(-1, 1, side, side)
        resize = F.interpolate(pixels, (patch_size, patch_size), mode="bicubic").flatten(1)  # (p * p, q * q)
        weight = (weight.double().flatten(2) @ torch.linalg.pinv(resize).T).float()
        weight = weight.unflatten(2, (patch_size, patch_size))
        yield f"the patch projection is resized from {side} to {patch_size} px"
    state[PATCHES] = weight
