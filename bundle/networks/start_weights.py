"""Weights that a training starts from: of this network, of its autoencoder, or of another Vision Transformer."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from bundle.networks.foreign_weights import (
    CODE,
    PATCHES,
    fit_patches,
    fit_position_code,
    fold_layer_scales,
    read_foreign_weights,
)
from bundle.networks.masked_autoencoder import ENCODER, ENCODING
from bundle.networks.weight_knobs import STEM
from bundle.networks.weights import differences, read_weights

_HEAD_CHANNELS = 64
"""Channels of an attention head in ViT-S, B, L and in DINOv2; files do not hold the number of heads."""


def load_initial_weights(network: nn.Module, path: str | Path) -> None:
    """Load all weights of a network from the `model.pt` of a run or of its pretraining.

    Args:
        network: gets the weights, on its own device.
        path: state dict of this network, or of its `MaskedAutoencoder`.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: it is damaged, or holds the weights of another network; names the knobs that differ.
    """
    state = read_weights(path)
    encoder = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
    if found := differences(network.state_dict(), encoder or state):
        raise ValueError(
            f"{path} must hold weights of this network, got others ({found}): give the overlays and knobs of their "
            "training, or give the file as pretrained, which takes what fits."
        )
    network.load_state_dict(encoder or state)


def load_pretrained(network: nn.Module, path: str | Path) -> None:
    """Load what fits of the weights of another ViT into a `SliceViT`, and log what was done and what was left.

    Names are those of timm, DINOv2, MAE, MONAI's ViT or this bundle. Heads are not taken. A block fits whole or is an
    error. The fixed codes of position, "sincos" and "reference", have no weights: the file's code is then not used.

    Args:
        network: gets the weights, on its own device.
        path: see `read_foreign_weights`.

    Raises:
        FileNotFoundError: there is no file.
        ValueError: the network is no `SliceViT`; the file is damaged, or its blocks do not fit.

    Example:
        >>> load_pretrained(nn.Linear(2, 1), "vit.pth")
        Traceback (most recent call last):
        ValueError: network must be a SliceViT to start from vit.pth, got Linear: set pretrained to null.
    """
    own = network.state_dict()
    if "cls_token" not in own:
        raise ValueError(
            f"network must be a SliceViT to start from {path}, got {type(network).__name__}: set pretrained to null."
        )
    state = read_foreign_weights(path)
    done = [*fold_layer_scales(state)]
    done += fit_position_code(state, network.grid_hw)  # type: ignore[arg-type]
    if PATCHES in own and STEM not in own:
        done += fit_patches(state, *own[PATCHES].shape[1:3])
    done += _fill_biases(state, own)
    fitting = {name: value for name, value in state.items() if _fits(name, value, own)}
    _require_whole_blocks(path, state, own=own, fitting=fitting)
    network.load_state_dict({**own, **fitting})
    _log(path, done, unused=state.keys() - fitting.keys(), kept=own.keys() - fitting.keys(), total=len(own))
    for hint in _hints(own, state, num_heads=network.blocks[0].attn.num_heads):  # type: ignore[index,union-attr]
        logging.getLogger(__name__).warning(f"{path}: {hint}.")


def _fits(name: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    return name in own and own[name].shape == value.shape and name.split(".")[0] in ENCODING


def _fill_biases(state: dict[str, Tensor], own: Mapping[str, Tensor]) -> Iterator[str]:
    """Let biases of queries, keys and values that only the network has start at 0, which computes the same."""
    lacking = [name for name in own if name.endswith("qkv.bias") and name not in state]
    lacking = [name for name in lacking if name.replace("bias", "weight") in state]
    state.update({name: own[name].new_zeros(own[name].shape) for name in lacking})
    if lacking:
        yield f"{len(lacking)} biases of queries, keys and values, which the file lacks, start at 0"


def _require_whole_blocks(
    path: str | Path, state: Mapping[str, Tensor], *, own: Mapping[str, Tensor], fitting: Mapping[str, Tensor]
) -> None:
    """Raise where no block of the file fits, or only a part of one."""
    shared = _blocks(state) & _blocks(own)
    lacking = [name for name in own if _block(name) in shared and name not in fitting]
    if not shared or lacking:
        both = {name: value for name, value in own.items() if name in [*lacking, "cls_token"] or not shared}
        raise ValueError(
            f"{path} must hold transformer blocks that fit this network, got others "
            f"({differences(both, {name: state[name] for name in both if name in state})}): set hidden_size and "
            "mlp_ratio to those of the file, or give another file."
        )


def _block(name: str) -> str:
    """Return the block of a weight, nothing for one outside of blocks."""
    found = re.match(r"blocks\.\d+\.", name)
    return found[0] if found else ""


def _blocks(names: Iterable[str]) -> set[str]:
    return {block for block in map(_block, names) if block}


def _log(path: str | Path, done: Iterable[str], *, unused: set[str], kept: set[str], total: int) -> None:
    """Tell where the weights of the network come from."""
    logger = logging.getLogger(__name__)
    logger.info(f"{path}: {total - len(kept)} of {total} weights of the network are taken from it.")
    for line in done:
        logger.info(f"{path}: {line}.")
    for what, names in (("not used of the file", unused), ("keep their start values", kept)):
        logger.info(f"{path}: {what}: {', '.join(sorted({_block(n).strip('.') or n for n in names})) or 'nothing'}.")


def _hints(own: Mapping[str, Tensor], state: Mapping[str, Tensor], *, num_heads: int) -> Iterator[str]:
    """Yield what keeps the network from computing what the file's network did, and the remedy."""
    if CODE in state and CODE not in own:
        yield "its position code is not used, position_encoding: learned takes it"
    if any(name.endswith("qkv.bias") for name in state) and not any(name.endswith("qkv.bias") for name in own):
        yield "its biases of queries, keys and values are not used, qkv_bias: true takes them"
    if "patch_embed.norm.weight" in own and "patch_embed.norm.weight" not in state:
        yield "it has no batch norm of the patches, patch_norm: none keeps them as they were"
    channels = own["cls_token"].shape[-1] // num_heads
    if channels != _HEAD_CHANNELS:
        yield (
            f"the number of its attention heads must be {num_heads}, as here, which no file tells; most have "
            f"{_HEAD_CHANNELS} channels a head, here are {channels}"
        )
