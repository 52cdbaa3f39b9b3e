"""The packed metadata.json: what the network takes, gives and scored."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser

SCORES = {
    "slice": ("f1", "accuracy", "auroc", "average_precision", "cohen_kappa"),
    "map": ("pointing_game", "energy_ratio"),
}


def packed_metadata(
    train: Mapping[str, Any], metadata: Mapping[str, Any], metrics: Mapping[str, Any], threshold: float
) -> dict[str, Any]:
    """Return the repository's metadata with the sizes, channels and scores of a run.

    Args:
        train: the packed train.json.
        metadata: the repository's metadata.json.
        metrics: metrics.json of the run, empty if it was not evaluated.
        threshold: probability from which a slice counts as positive.

    Example:
        >>> data_format = {"inputs": {"image": {}}, "outputs": {"pred": {}}}
        >>> train = {"image_size": 32, "in_channels": 2, "num_classes": 1, "normalise": "slice"}
        >>> packed_metadata(train, {"network_data_format": data_format}, {}, 0.5)["network_data_format"]["inputs"]
        {'image': {'num_channels': 2, 'spatial_shape': [32, 32], 'channel_def': {'0': 'channel 0', '1': 'channel 1'}}}
    """
    parser = ConfigParser(dict(train))
    size, channels, classes = (parser.get_parsed_content(id_) for id_ in ("image_size", "in_channels", "num_classes"))
    packed: dict[str, Any] = copy.deepcopy(dict(metadata))
    image, pred = packed["network_data_format"]["inputs"]["image"], packed["network_data_format"]["outputs"]["pred"]
    names = train["finder"].get("channels", []) if isinstance(train.get("finder"), dict) else []
    image |= {"num_channels": channels, "spatial_shape": [size, size], "channel_def": channel_def(names, channels)}
    if train.get("normalise") != "slice":
        image["value_range"] = []
        packed["image_classes"] = "channels in the order of training, intensities as `preprocessing` scales them"
    pred["num_channels"] = classes
    if classes > 1:
        pred["channel_def"] = {str(k): f"logit of class {k}" for k in range(classes)}
        packed["label_classes"] = f"class of the slice, 0 to {classes - 1}; 0 is no object"
    packed["pred_classes"] = pred_classes(classes, threshold)
    packed["eval_metrics"] = eval_metrics(metrics)
    return packed


def channel_def(names: list[str], channels: int) -> dict[str, str]:
    """Return what each channel is, by the names of the files if there is one file a channel."""
    known = len(names) == channels
    return {str(c): str(names[c]) if known else f"channel {c}" for c in range(channels)}


def pred_classes(classes: int, threshold: float) -> str:
    """Return what the logits mean."""
    meaning = "one logit; its sigmoid" if classes == 1 else f"{classes} logits; 1 minus the softmax of class 0"
    return f"{meaning} is the probability that the slice contains the object, positive from {threshold:.4g}"


def eval_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return score -> value on the test set; a score without a value is left out."""
    found = {f"{group}_{name}": metrics.get(group, {}).get(name) for group, names in SCORES.items() for name in names}
    return {name: value for name, value in found.items() if value is not None}
