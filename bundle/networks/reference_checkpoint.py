"""Weights that the paper's authors' code wrote."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bundle.networks.slice_vit import SliceViT

NAMES = (
    (r"^vit_encoder\.layers\.", "blocks."),
    (r"^mlp_head\.0\.", "norm."),
    (r"^mlp_head\.1\.", "head."),
)


def load_reference_checkpoint(path: str | Path, **overrides: Any) -> SliceViT:
    """Return the network of a checkpoint of the paper's authors, in eval mode.

    Sizes, biases and patch norm are read from the weights; the number of heads is not in them and is taken as 64
    channels a head, as in ViT-B/16.

    Args:
        path: dict with the key `model`, or the state dict itself. Only tensors and plain values are unpickled.
        overrides: arguments of `SliceViT` that win over what the weights say, e.g. `num_heads=4`.

    Raises:
        ValueError: the file needs arbitrary pickles, or its keys do not fit; every such key is named.

    Source: state-dict names of the authors' code.

    Example:
        >>> import tempfile
        >>> vit = SliceViT(32, 8, hidden_size=64, num_layers=1, num_heads=1, position_encoding="reference")
        >>> file = Path(tempfile.mkdtemp()) / "reference.pth"
        >>> torch.save({"model": to_reference_names(vit.state_dict())}, file)
        >>> load_reference_checkpoint(file, image_size=32).grid_hw
        (4, 4)
    """
    state = {to_own_name(name): tensor for name, tensor in read_state(path).items() if name != "pos_encode.inv_freq"}
    try:
        network = SliceViT(**{**describe(state), **overrides})
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}: it is no checkpoint of the reference network.") from error
    missing, unexpected = set(network.state_dict()) - set(state), set(state) - set(network.state_dict())
    if missing or unexpected:
        raise ValueError(f"{path} does not fit: missing {sorted(missing)}, unexpected {sorted(unexpected)}.")
    network.load_state_dict(state)
    return network.eval()


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the reference's state dict without running what a pickle may hold."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors and plain values (the reference pickles its settings with them), and "
            "opening it could run code. Where you trust it, export the weights: "
            "torch.save({'model': torch.load(path, weights_only=False)['model']}, 'weights.pth')."
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} expected a state dict, or a dict with one under 'model'.")
    return dict(state)


def to_own_name(name: str) -> str:
    """Return this package's name of a weight of the reference."""
    for pattern, own in NAMES:
        name = re.sub(pattern, own, name)
    return name


def to_reference_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the reference's names."""
    reference = {"blocks.": "vit_encoder.layers.", "norm.": "mlp_head.0.", "head.": "mlp_head.1."}
    found = {}
    for name, tensor in state.items():
        prefix = next((own for own in reference if name.startswith(own)), "")
        found[reference.get(prefix, "") + name.removeprefix(prefix)] = tensor
    return found


def describe(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the arguments of `SliceViT` that the weights tell, and the reference's way for the rest."""
    hidden_size, in_channels, patch_size, _ = state["patch_embed.proj.weight"].shape
    return {
        "patch_size": patch_size,
        "in_channels": in_channels,
        "num_classes": state["head.weight"].shape[0],
        "hidden_size": hidden_size,
        "num_layers": 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks.")),
        "num_heads": max(hidden_size // 64, 1),
        "mlp_ratio": state["blocks.0.mlp.fc1.weight"].shape[0] / hidden_size,
        "patch_norm": "batch" if "patch_embed.norm.weight" in state else "none",
        "qkv_bias": "blocks.0.attn.qkv.bias" in state,
        "position_encoding": "reference",
    }
