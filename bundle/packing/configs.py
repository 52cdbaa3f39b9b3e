"""The packed inference.json: the repository's graph with the run's knobs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from monai.bundle import ConfigParser, ReferenceResolver

OF_THE_MACHINE = ("bundle_root", "dataset_dir", "output_dir", "cache_dir", "device", "num_workers", "ingest_workers")
OF_THE_RUN = ("resume", "split_file", "rank", "local_rank", "network", "initialize", "run", "finalize")
OF_THE_EVALUATION = ("checkpoint", "evaluation")
OF_MLFLOW = ("tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0")
RESET = (*OF_THE_MACHINE, *OF_THE_RUN, *OF_THE_EVALUATION, *OF_MLFLOW)
"""Ids that the packed config has as the repository has them, or not at all.

A run on several GPUs brings its own network, initialize and finalize; one process must be able to continue it.
"""


def packed_train(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config that trains the run's network anywhere, with its weights in `models/` of the bundle.

    Args:
        config: merged config of the run, references unresolved.
        defaults: the repository's train.json.

    Returns:
        A config in the order of `defaults`, with ids that only the run has at the end.

    Example:
        >>> run = {"device": "cuda:3", "hidden_size": 32, "split_file": "/data/split.json"}
        >>> packed_train(run, {"device": "cpu", "hidden_size": 768, "model_dir": "@output_dir", "split_file": None})
        {'device': 'cpu', 'hidden_size': 32, 'model_dir': "$@bundle_root + '/models'", 'split_file': None}
    """
    kept = {name: value for name, value in config.items() if name not in RESET}
    packed = copy.deepcopy({**defaults, **kept, "model_dir": "$@bundle_root + '/models'"})
    if "network" in defaults.get("train", {}).get("trainer", {}):
        packed["train"]["trainer"]["network"] = defaults["train"]["trainer"]["network"]
    return packed


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
        >>> train = {"image_size": 32, "in_channels": 2, "num_classes": 1, "normalize": "slice"}
        >>> packed_metadata(train, {"network_data_format": data_format}, {}, 0.5)["network_data_format"]["inputs"]
        {'image': {'num_channels': 2, 'spatial_shape': [32, 32], 'channel_def': {'0': 'channel 0', '1': 'channel 1'}}}
    """
    parser = ConfigParser(dict(train))
    size, channels, classes = (parser.get_parsed_content(id_) for id_ in ("image_size", "in_channels", "num_classes"))
    packed: dict[str, Any] = copy.deepcopy(dict(metadata))
    image, pred = packed["network_data_format"]["inputs"]["image"], packed["network_data_format"]["outputs"]["pred"]
    names = train["finder"].get("channels", []) if isinstance(train.get("finder"), dict) else []
    image |= {"num_channels": channels, "spatial_shape": [size, size], "channel_def": channel_def(names, channels)}
    if train.get("normalise", train.get("normalize")) != "slice":  # British in records of version 0.1
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
