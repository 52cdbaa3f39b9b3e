"""Checks before packing: network, weights, metadata and overlay fit, and no config names a path of this machine."""

from __future__ import annotations

import copy
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import nn

from bundle.files import read_json
from bundle.networks import load_weights, read_tensors


def require_fit(config: Mapping[str, Any], weights: Path, metadata: Mapping[str, Any]) -> None:
    """Build the network of a config, load the weights, and give it an image as the metadata describes it.

    Args:
        config: holds `network_def`.
        weights: state dict, opened without running pickles.
        metadata: holds `network_data_format`.

    Raises:
        ValueError: the file is no state dict, holds NaN, or is of another network (knobs are named); the network
            takes or gives something else than the metadata says.
    """
    network = _build(config)
    if "model" in read_tensors(weights):
        raise ValueError(f"{weights} must be a plain state dict, got a checkpoint: pack the model.pt of a run.")
    load_weights(network, weights, "its config.json belongs to another training, so take both from one run")
    _require_metadata_fit(network, metadata)


def _build(config: Mapping[str, Any]) -> nn.Module:
    """Return the network of a config."""
    parser = ConfigParser(copy.deepcopy(dict(config)))
    # The requirement puts an unpacked bundle on sys.path; this process is running the bundle that is packed.
    parser["network_def"] = {name: value for name, value in config["network_def"].items() if name != "_requires_"}
    network: nn.Module = parser.get_parsed_content("network_def")
    return network


def _require_metadata_fit(network: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Run the network on zeros of the shape that the metadata gives."""
    data_format = metadata["network_data_format"]
    image, channels = data_format["inputs"]["image"], data_format["outputs"]["pred"]["num_channels"]
    shape = (1, image["num_channels"], *image["spatial_shape"])
    with torch.no_grad():
        got = tuple(network.eval()(torch.zeros(shape)).shape)  # a ViT refuses other images by itself
    if got != (1, channels):
        raise ValueError(
            f"the network must return (1, {channels}) for an image {shape}, got {got}: set num_classes as a "
            "knob of the run, not inside network_def."
        )


def require_own_adaptation(overlay: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Refuse a calibration that was fitted to the scores of other networks, as `adaptation.json` beside it tells.

    Args:
        overlay: file by `scripts/adapt.py`; a warning says where the other one does not tell.
        metrics: metrics.json of the run that is packed.

    Raises:
        ValueError: names both files.

    Example:
        >>> with warnings.catch_warnings(record=True) as told: require_own_adaptation("no/adapted.yaml", {})
        >>> str(told[0].message)
        'no/adaptation.json does not tell of which networks no/adapted.yaml is: run scripts/adapt.py again to be sure.'
    """
    record = Path(overlay).with_name("adaptation.json")
    adapted, scored = (_networks(content) for content in (read_json(record, {}), metrics))
    if adapted is None:
        words = f"of which networks {os.fspath(overlay)} is: run scripts/adapt.py again to be sure."
        warnings.warn(f"{record} does not tell {words}", stacklevel=3)
    elif adapted != scored:
        raise ValueError(
            f"{overlay} must be the adaptation of the networks that are packed, got that of others, as {record} tells: "
            "run scripts/adapt.py for this run, after its evaluation."
        )


def _networks(content: Mapping[str, Any]) -> set[str] | None:
    """Return the hashes of weights and ensemble that a record names; None where it names no weights."""
    members = {member["sha256"] for member in content.get("ensemble", ())}
    return {content["weights_sha256"], *members} if content.get("weights_sha256") else None


_QUOTED = re.compile(r"""(\+\s*)?(?:['"])((?:/[\w.-]|[A-Za-z]:[\\/])[^'"]*)""")
"""An absolute path inside an expression, and a plus before it: `@dataset_dir + '/list.json'` is no place by itself."""


def require_no_machine_paths(config: Mapping[str, Any], source: str) -> None:
    """Refuse a config that names a place of the machine it was made on.

    Args:
        config: to be packed.
        source: file that the reader can change.

    Raises:
        ValueError: lists every id with an absolute path.

    Example:
        >>> require_no_machine_paths({"finder": {"path": "$@dataset_dir + '/list.json'"}}, "config.json")
        >>> require_no_machine_paths({"root": "/data/brats"}, "config.json")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: config.json must name no paths of this machine, got root '/data/brats': ...
    """
    paths = [f"{id_} {text!r}" for id_, text in _texts(config) if names_place(text)]
    if paths:
        raise ValueError(
            f"{source} must name no paths of this machine, got {', '.join(paths)}: write them relative to @dataset_dir "
            "there, as configs/datasets does, and pack again."
        )


def names_place(text: str) -> bool:
    """Return whether a text is an absolute path or an address, or an expression that holds an absolute path.

    Example:
        >>> names_place("C:/data"), names_place("$@dataset_dir + '/list.json'"), names_place("$open('/data/list.json')")
        (True, False, True)
    """
    if text.startswith("$"):
        return any(not plus for plus, _ in _QUOTED.findall(text))
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or "://" in text


def _texts(content: Any, id_: str = "") -> Iterator[tuple[str, str]]:
    """Yield id and text of every text in a config."""
    if isinstance(content, str):
        yield id_, content
    elif isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from _texts(value, f"{id_}#{key}" if id_ else str(key))
