"""Weights that the paper's authors' code wrote."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
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
    state = read_state(path)
    network = SliceViT(**{**describe(state), **overrides})
    expected = {to_reference_name(name): tensor for name, tensor in network.state_dict().items()}
    refuse_what_does_not_fit(path, found=state, expected=expected)
    network.load_state_dict({to_own_name(name): tensor for name, tensor in state.items()})
    return network.eval()


def refuse_what_does_not_fit(path: str | Path, *, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise with every weight, named as in the reference, that is missing, unexpected or of another shape."""
    both = expected.keys() & found.keys()
    problems = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "of another shape": {name for name in both if expected[name].shape != found[name].shape},
    }
    texts = [f"{what} {sorted(names)}" for what, names in problems.items() if names]
    if texts:
        raise ValueError(f"{path} does not fit the reference network: {'; '.join(texts)}. Sizes can be given by name.")


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the reference's state dict without running what a pickle may hold; its position code is a formula."""
    try:
        with torch.serialization.safe_globals(harmless_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, KeyError, RuntimeError) as error:
        if "GLOBAL" not in str(error):  # torch's word for a class or function that it was asked to run
            raise ValueError(f"{path} expected a PyTorch checkpoint, got another or a damaged file.") from error
        raise ValueError(
            f"{path} holds more than tensors, plain values and settings, and opening it could run code. "
            "Where you trust it, export the weights: "
            "torch.save({'model': torch.load(path, weights_only=False)['model']}, 'weights.pth')."
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} expected a state dict, or a dict with one under 'model'.")
    return {name: tensor for name, tensor in state.items() if name != "pos_encode.inv_freq"}


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
    """Return the arguments of `SliceViT` that the weights tell, and the reference's way for the rest.

    A weight that is missing or has another number of dimensions is taken as ViT-B/16's: what does not fit is named by
    `refuse_what_does_not_fit`, all at once.
    """
    blocks = [name.split(".")[2] for name in state if name.startswith("vit_encoder.layers.")]
    hidden_size, in_channels, patch_size, _ = shape(state, "patch_embed.proj.weight", (768, 3, 16, 16))
    return {
        "patch_size": patch_size,
        "in_channels": in_channels,
        "num_classes": shape(state, "mlp_head.1.weight", (1, hidden_size))[0],
        "hidden_size": hidden_size,
        "num_layers": 1 + max((int(number) for number in blocks if number.isdecimal()), default=0),
        "num_heads": max(hidden_size // 64, 1),
        "mlp_ratio": shape(state, "vit_encoder.layers.0.mlp.fc1.weight", (4 * hidden_size, hidden_size))[0]
        / hidden_size,
        "patch_norm": "batch" if "patch_embed.norm.weight" in state else "none",
        "qkv_bias": "vit_encoder.layers.0.attn.qkv.bias" in state,
        "position_encoding": "reference",
    }


def shape(state: Mapping[str, Tensor], name: str, usual: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a weight, or the usual one where it has other dimensions or is not there."""
    return tuple(state[name].shape) if name in state and state[name].ndim == len(usual) else usual


def convert_reference_checkpoint(source: str | Path, target: str | Path, **overrides: Any) -> tuple[Path, Path]:
    """Write a network's weights, and beside them the overlay that makes the configs build this network.

    Args:
        source: checkpoint of the paper's authors.
        target: the weights' file (`.pt`, a plain state dict), or a folder for `model.pt`.
        overrides: arguments of `SliceViT` that the weights do not tell: `image_size`, `num_heads`.

    Returns:
        The two files, weights first.

    Raises:
        ValueError: as `load_reference_checkpoint`; nothing is written then.

    Example:
        >>> convert_reference_checkpoint("checkpoint.pth", "models/model.pt")  # doctest: +SKIP
        (PosixPath('models/model.pt'), PosixPath('models/model.yaml'))
    """
    network = load_reference_checkpoint(source, **overrides)
    weights = Path(target) if Path(target).suffix == ".pt" else Path(target) / "model.pt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), weights)
    arguments = {"image_size": network.image_size, **describe(read_state(source)), **overrides}
    overlay = weights.with_suffix(".yaml")
    title = "# The network of a checkpoint of the paper's authors: its sizes, patch norm, biases and position code.\n"
    overlay.write_text(title + yaml.safe_dump(arguments, sort_keys=False), encoding="utf-8")
    return weights, overlay
