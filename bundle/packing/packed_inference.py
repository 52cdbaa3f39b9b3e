"""The packed inference.json: the repository's graph with the run's knobs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from monai.bundle import ReferenceResolver

ITS_OWN = frozenset(
    {"bundle_root", "dataset_dir", "output_dir", "device", "amp", "resume", "threshold", "finder", "network"}
    | {"volume_threshold", "check", "bundle_found", "bundle_path", "initialize", "run"}
)
"""Ids that training and inference share by name only."""


def packed_inference(
    train: Mapping[str, Any],
    defaults: Mapping[str, Any],
    threshold: float | None = None,
    volume_threshold: float | None = None,
) -> dict[str, Any]:
    """Return the config that infers with the network, preprocessing and attribution that were trained.

    What both configs know comes from training; what these parts refer to and inference lacks comes with them.

    Args:
        train: the packed train.json.
        defaults: the repository's inference.json.
        threshold: probability from which a slice counts as positive; None keeps the default.
        volume_threshold: the same for the highest probability of a volume's slices.

    Example:
        >>> train = {"network_def": {"width": "@width", "deep": "@deep"}, "width": 32, "deep": True, "device": "cuda"}
        >>> packed = packed_inference(train, {"network_def": {}, "width": 768, "device": "cpu", "threshold": 0.5}, 0.3)
        >>> packed.pop("network_def"), packed
        ({'width': '@width', 'deep': '@deep'}, {'width': 32, 'device': 'cpu', 'threshold': 0.3, 'deep': True})
    """
    shared = {name: train[name] for name in defaults if name in train and name not in ITS_OWN}
    packed = copy.deepcopy({**defaults, **shared})
    chosen = {"threshold": threshold, "volume_threshold": volume_threshold}
    packed.update({name: value for name, value in chosen.items() if value is not None})
    while missing := [name for name in references(packed) if name not in packed and name in train]:
        packed.update({name: copy.deepcopy(train[name]) for name in missing})
    return packed


def references(config: Any) -> Iterator[str]:
    """Yield the top-level ids that a config refers to."""
    if isinstance(config, dict | list):
        for part in config.values() if isinstance(config, dict) else config:
            yield from references(part)
    elif isinstance(config, str):
        yield from (name.split(ReferenceResolver.sep)[0] for name in ReferenceResolver.match_refs_pattern(config))
