"""Loading and conversion of checkpoints written by the code of the paper's authors."""

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

_NAMES = {"vit_encoder.layers.": "blocks.", "mlp_head.0.": "norm.", "mlp_head.1.": "head."}
"""Prefix of a weight's name in the reference -> prefix here."""


def load_reference_checkpoint(path: str | Path, **overrides: Any) -> SliceViT:
    """Return the network of a checkpoint of the paper's authors, in eval mode.

    Sizes, biases and patch norm are read from the weights. They do not hold the number of heads: 64 channels per head,
    as in ViT-B/16, unless overridden.

    Args:
        path: file with a dict with the key `model`, or with the state dict itself. Only tensors, plain values, NumPy
            numbers and settings (EasyDict, as a plain dict) are unpickled; no code of the file runs.
        overrides: arguments of `SliceViT` that replace those read from the weights, e.g. `num_heads=4`.

    Raises:
        ValueError: unpickling the file could run code, or its keys do not fit; all such keys are named.

    Source: state-dict names of the authors' code.

    Example:
        >>> import tempfile
        >>> vit = SliceViT(32, 8, hidden_size=64, num_layers=1, num_heads=1, position_encoding="reference")
        >>> file = Path(tempfile.mkdtemp()) / "reference.pth"
        >>> torch.save({"model": {to_reference_name(name): value for name, value in vit.state_dict().items()}}, file)
        >>> load_reference_checkpoint(file, image_size=32).grid_hw
        (4, 4)
    """
    state = _read_state(path)
    network = SliceViT(**{**_network_arguments(state), **overrides})
    expected = {to_reference_name(name): tensor for name, tensor in network.state_dict().items()}
    _require_fit(path, found=state, expected=expected)
    network.load_state_dict({to_own_name(name): tensor for name, tensor in state.items()})
    return network.eval()


def _require_fit(path: str | Path, *, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise with the reference names of all weights that are missing, unexpected or of another shape."""
    both = expected.keys() & found.keys()
    problems = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "of another shape": {name for name in both if expected[name].shape != found[name].shape},
    }
    texts = [f"{what} {sorted(names)}" for what, names in problems.items() if names]
    if texts:
        raise ValueError(
            f"{path}: weights must be those of the reference network, got {'; '.join(texts)}: give sizes by name."
        )


def _read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the reference's state dict without its position code, which is a formula; no code of the file runs."""
    try:
        with torch.serialization.safe_globals(_harmless_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, KeyError, RuntimeError) as error:
        if "GLOBAL" not in str(error):  # torch's name for a class or function in a pickle
            raise ValueError(
                f"{path}: file must be a PyTorch checkpoint, got another or damaged file: download it again."
            ) from error
        raise ValueError(
            f"{path}: checkpoint must hold only tensors, plain values and settings, got a pickle that could run code: "
            "if you trust it, export the weights by "
            "torch.save({'model': torch.load(path, weights_only=False)['model']}, 'weights.pth')."
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(
            f"{path}: content must be a state dict, or a dict with one under 'model', got {type(content).__name__}: "
            "export the weights."
        )
    return {name: tensor for name, tensor in state.items() if name != "pos_encode.inv_freq"}


def _harmless_globals() -> list[Any]:
    """Return the classes allowed in a pickle besides tensors: stand-ins for settings, and the parts of NumPy numbers.

    The class of the settings is never imported; its package need not be installed or trusted.
    """
    scalar = np.float64(0).__reduce__()[0]
    numbers = [np.dtype, *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "?"))]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before and since NumPy 2
    settings = ("easydict.EasyDict", "argparse.Namespace")
    return [*numbers, *((scalar, name) for name in names), *((OrderedDict, name) for name in settings)]


def to_own_name(name: str) -> str:
    """Return this package's name of a weight of the reference."""
    return next((own + name.removeprefix(prefix) for prefix, own in _NAMES.items() if name.startswith(prefix)), name)


def to_reference_name(name: str) -> str:
    """Return the reference's name of a weight of this package."""
    return next((prefix + name.removeprefix(own) for prefix, own in _NAMES.items() if name.startswith(own)), name)


def _network_arguments(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the arguments of `SliceViT` read from the weights, with the reference's values for the rest.

    ViT-B/16's shape replaces that of a missing weight or of one with another number of dimensions, so that
    `_require_fit` can name all misfits at once.
    """
    blocks = [name.split(".")[2] for name in state if name.startswith("vit_encoder.layers.")]
    hidden_size, in_channels, patch_size, _ = _shape_or(state, "patch_embed.proj.weight", (768, 3, 16, 16))
    return {
        "patch_size": patch_size,
        "in_channels": in_channels,
        "num_classes": _shape_or(state, "mlp_head.1.weight", (1, hidden_size))[0],
        "hidden_size": hidden_size,
        "num_layers": 1 + max((int(number) for number in blocks if number.isdecimal()), default=0),
        "num_heads": max(hidden_size // 64, 1),
        "mlp_ratio": _shape_or(state, "vit_encoder.layers.0.mlp.fc1.weight", (4 * hidden_size, hidden_size))[0]
        / hidden_size,
        "patch_norm": "batch" if "patch_embed.norm.weight" in state else "none",
        "qkv_bias": "vit_encoder.layers.0.attn.qkv.bias" in state,
        "position_encoding": "reference",
    }


def _shape_or(state: Mapping[str, Tensor], name: str, usual: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a weight, or the usual shape if it is missing or has another number of dimensions."""
    return tuple(state[name].shape) if name in state and state[name].ndim == len(usual) else usual


def convert_reference_checkpoint(source: str | Path, target: str | Path, **overrides: Any) -> tuple[Path, Path]:
    """Write a checkpoint's weights and the config overlay that builds its network.

    Args:
        source: checkpoint of the paper's authors.
        target: the weights' file (`.pt`, a plain state dict), or a folder for `model.pt`.
        overrides: arguments of `SliceViT` that the weights do not hold: `image_size`, `num_heads`.

    Returns:
        The two files, weights first.

    Raises:
        ValueError: as `load_reference_checkpoint`; nothing is written in that case.

    Example:
        >>> convert_reference_checkpoint("checkpoint.pth", "models/model.pt")  # doctest: +SKIP
        (PosixPath('models/model.pt'), PosixPath('models/model.yaml'))
    """
    network = load_reference_checkpoint(source, **overrides)
    weights = Path(target) if Path(target).suffix == ".pt" else Path(target) / "model.pt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), weights)
    arguments = {"image_size": network.image_size, **_network_arguments(_read_state(source)), **overrides}
    overlay = weights.with_suffix(".yaml")
    title = "# The network of a checkpoint of the paper's authors: its sizes, patch norm, biases and position code.\n"
    overlay.write_text(title + yaml.safe_dump(arguments, sort_keys=False), encoding="utf-8")
    return weights, overlay
