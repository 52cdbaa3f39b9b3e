"""Knobs of a network, read off its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

STEM, PATCHES = "patch_embed.convs.0.0.weight", "patch_embed.proj.weight"
"""Names of the first weights: of a convolutional stem, and of a projection of patches."""


def _side(state: Mapping[str, Tensor], name: str, axis: int) -> int | None:
    shape = state[name].shape if name in state else ()
    return shape[axis] if shape else None


def _mlp_ratio(state: Mapping[str, Tensor]) -> float | None:
    weight = state.get("blocks.0.mlp.fc1.weight")
    return None if weight is None else weight.shape[0] / weight.shape[1]


def _patch_size(state: Mapping[str, Tensor]) -> int | None:
    convs = {name.split(".")[2] for name in state if name.startswith("patch_embed.convs.")}
    return 2 ** len(convs) if convs else _side(state, PATCHES, 2)


def _mask_head(state: Mapping[str, Tensor]) -> str:
    if "mask_head.logit.weight" not in state:
        return "null"
    return "pixels" if "mask_head.convs.0.0.weight" in state else "tokens"


_KNOBS: Mapping[str, Callable[[Mapping[str, Tensor]], Any]] = {
    "in_channels": lambda state: _side(state, STEM if STEM in state else PATCHES, 1),
    "patch_size": _patch_size,
    "hidden_size": lambda state: _side(state, "cls_token", 2),
    "num_layers": lambda state: len({name.split(".")[1] for name in state if name.startswith("blocks.")}),
    "mlp_ratio": _mlp_ratio,
    "num_classes": lambda state: _side(state, "head.weight", 0),
    "qkv_bias": lambda state: "blocks.0.attn.qkv.bias" in state,
    "stem": lambda state: "conv" if STEM in state else "patch",
    "mask_head": _mask_head,
    "patch_norm": lambda state: "batch" if "patch_embed.norm.weight" in state else "none",
    "position_encoding": lambda state: "learned" if "position.code" in state else "sincos or reference",
}
"""Knob of the network -> its value as a state dict shows it."""


def changed_knobs(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield the knobs of a `SliceViT` in which two state dicts differ; nothing for another network.

    Example:
        >>> import torch
        >>> list(changed_knobs({"cls_token": torch.zeros(1, 1, 8)}, {"cls_token": torch.zeros(1, 1, 16)}))
        ['hidden_size 16, here 8']
    """
    if "cls_token" not in expected or "cls_token" not in found:
        return
    for name, read in _KNOBS.items():
        if read(expected) != read(found):
            yield f"{name} {read(found)}, here {read(expected)}"
