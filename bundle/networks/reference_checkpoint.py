"""Weights that the paper's authors' code wrote."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bundle.networks.slice_vit import SliceViT

NAMES = {"vit_encoder.layers.": "blocks.", "mlp_head.0.": "norm.", "mlp_head.1.": "head."}
"""What weights' names start with, in the reference and here."""


def load_reference_checkpoint(path: str | Path, **overrides: Any) -> SliceViT:
    """Return the network of a checkpoint of the paper's authors, in eval mode.

    Sizes, biases and patch norm are read from the weights; the number of heads is not in them and is taken as 64
    channels a head, as in ViT-B/16.

    Args:
        path: dict with the key `model`, or the state dict itself. Only tensors, plain values, NumPy numbers and the
            settings' EasyDict are unpickled, the last as a plain dict that runs nothing.
        overrides: arguments of `SliceViT` that win over what the weights say, e.g. `num_heads=4`.

    Raises:
        ValueError: the file needs arbitrary pickles, or its keys do not fit; every such key is named.

    Source: state-dict names of the authors' code.

    Example:
        >>> import tempfile
        >>> vit = SliceViT(32, 8, hidden_size=64, num_layers=1, num_heads=1, position_encoding="reference")
        >>> file = Path(tempfile.mkdtemp()) / "reference.pth"
        >>> torch.save({"model": {to_reference_name(name): value for name, value in vit.state_dict().items()}}, file)
        >>> load_reference_checkpoint(file, image_size=32).grid_hw
        (4, 4)
    """
    state = own_state(path)
    try:
        network = SliceViT(**{**describe(state), **overrides})
    except KeyError as error:
        raise ValueError(f"{path} lacks {error}: it is no checkpoint of the reference network.") from error
    refuse_what_does_not_fit(path, found=state, expected=network.state_dict())
    network.load_state_dict(state)
    return network.eval()


def own_state(path: str | Path) -> dict[str, Tensor]:
    """Return the checkpoint's weights under this package's names; the position code is a formula here."""
    return {to_own_name(name): tensor for name, tensor in read_state(path).items() if name != "pos_encode.inv_freq"}


def refuse_what_does_not_fit(path: str | Path, *, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise with every weight, named as in the file, that is missing, unexpected or of another shape."""
    both = expected.keys() & found.keys()
    problems = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "of another shape": {name for name in both if expected[name].shape != found[name].shape},
    }
    texts = [f"{what} {sorted(map(to_reference_name, names))}" for what, names in problems.items() if names]
    if texts:
        raise ValueError(f"{path} does not fit the network: {'; '.join(texts)}. Give its sizes by name.")


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the reference's state dict without running what a pickle may hold."""
    try:
        with torch.serialization.safe_globals(harmless_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, plain values and settings, and opening it could run code. "
            "Where you trust it, export the weights: "
            "torch.save({'model': torch.load(path, weights_only=False)['model']}, 'weights.pth')."
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} expected a state dict, or a dict with one under 'model'.")
    return dict(state)


def harmless_globals() -> list[Any]:
    """Return what may be unpickled besides tensors: stand-ins for settings, and the parts of a NumPy number.

    The settings' class is never imported, so the package that defines it may be missing, or be anything.
    """
    scalar = np.float64(0).__reduce__()[0]
    numbers = [np.dtype, *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "?"))]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since NumPy 2
    settings = ("easydict.EasyDict", "argparse.Namespace")
    return [*numbers, *((scalar, name) for name in names), *((OrderedDict, name) for name in settings)]


def to_own_name(name: str) -> str:
    """Return this package's name of a weight of the reference."""
    return next((own + name.removeprefix(prefix) for prefix, own in NAMES.items() if name.startswith(prefix)), name)


def to_reference_name(name: str) -> str:
    """Return the reference's name of a weight of this package."""
    return next((prefix + name.removeprefix(own) for prefix, own in NAMES.items() if name.startswith(own)), name)


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
