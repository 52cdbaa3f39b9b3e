"""Kind and knobs of a network, as its weights show them: the words in which two sets of weights differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

Read = Callable[[Mapping[str, Tensor]], Any]

STEM, _PATCHES = "patch_embed.convs.0.0.weight", "patch_embed.proj.weight"
"""First weights of a `SliceViT`: of a convolutional stem, and of a projection of patches."""


def changed_knobs(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    """Yield the kind of network, or the knobs of one kind, in which two state dicts differ.

    Example:
        >>> import torch
        >>> list(changed_knobs({"cls_token": torch.zeros(1, 1, 8)}, {"cls_token": torch.zeros(1, 1, 16)}))
        ['hidden_size 16, here 8']
    """
    kinds = network_kind(found), network_kind(expected)
    if kinds[0] == _OTHER:
        return  # names tell more
    if kinds[0] != kinds[1]:
        yield f"network {kinds[0]}, here {kinds[1]}"
        return
    for name, read in _KNOBS.get(kinds[0], {}).items():
        if read(expected) != read(found):
            yield f"{name} {read(found)}, here {read(expected)}"


def network_kind(state: Mapping[str, Tensor]) -> str:
    """Return the class whose weights these are, as far as it can be told.

    Example:
        >>> import torch
        >>> network_kind({"cls_token": torch.zeros(1, 1, 8)}), network_kind({"weight": torch.zeros(2, 1)})
        ('SliceViT', 'of another kind')
    """
    return next((kind for start, kind in _KINDS.items() if any(name.startswith(start) for name in state)), _OTHER)


_OTHER = "of another kind"
_KINDS = {"cls_token": "SliceViT", "unet.": "SliceUNet", "densenet.": "SliceDenseNet"}
"""Start of a name -> the class that alone has such weights."""


def _side(name: str, axis: int) -> Read:
    """Return a function that reads a side of a tensor, None where there is no such tensor."""

    def read(state: Mapping[str, Tensor]) -> int | None:
        shape = state[name].shape if name in state else ()
        return shape[axis] if shape else None

    return read


def _mlp_ratio(state: Mapping[str, Tensor]) -> float | None:
    weight = state.get("blocks.0.mlp.fc1.weight")
    return None if weight is None else weight.shape[0] / weight.shape[1]


def _patch_size(state: Mapping[str, Tensor]) -> int | None:
    convs = {name.split(".")[2] for name in state if name.startswith("patch_embed.convs.")}
    return 2 ** len(convs) if convs else _side(_PATCHES, 2)(state)


def _mask_head(state: Mapping[str, Tensor]) -> str:
    if "mask_head.logit.weight" not in state:
        return "null"
    return "pixels" if "mask_head.convs.0.0.weight" in state else "tokens"


def _layers_of_blocks(state: Mapping[str, Tensor]) -> list[int]:
    """Return how many layers each dense block has."""
    layers = {tuple(name.split(".")[2:4]) for name in state if ".denselayer" in name}
    blocks = [block for block, _ in sorted(layers)]
    return [blocks.count(block) for block in dict.fromkeys(blocks)]


_KNOBS: Mapping[str, Mapping[str, Read]] = {
    "SliceViT": {
        "in_channels": lambda state: _side(STEM if STEM in state else _PATCHES, 1)(state),
        "patch_size": _patch_size,
        "hidden_size": _side("cls_token", 2),
        "num_layers": lambda state: len({name.split(".")[1] for name in state if name.startswith("blocks.")}),
        "mlp_ratio": _mlp_ratio,
        "num_classes": _side("head.weight", 0),
        "qkv_bias": lambda state: "blocks.0.attn.qkv.bias" in state,
        "stem": lambda state: "conv" if STEM in state else "patch",
        "mask_head": _mask_head,
        "mask_only": lambda state: _side("mask_vote.join.weight", 1)(state) == 1,
        "patch_norm": lambda state: "batch" if "patch_embed.norm.weight" in state else "none",
        "position_encoding": lambda state: "learned" if "position.code" in state else "sincos or reference",
    },
    "SliceUNet": {
        "in_channels": _side("unet.conv_0.conv_0.conv.weight", 1),
        "width": _side("unet.conv_0.conv_0.conv.weight", 0),
    },
    "SliceDenseNet": {
        "in_channels": _side("densenet.features.conv0.weight", 1),
        "num_classes": _side("densenet.class_layers.out.weight", 0),
        "init_features": _side("densenet.features.conv0.weight", 0),
        "growth_rate": _side("densenet.features.denseblock1.denselayer1.layers.conv2.weight", 0),
        "block_config": _layers_of_blocks,
    },
}
"""Kind -> knob or argument of the network -> its value as a state dict shows it."""
