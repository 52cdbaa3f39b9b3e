"""The packed train.json, inference.json and metadata.json: the repository's graph with the knobs of a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from monai.bundle import ConfigParser

from bundle.keys import ADAPTATION, START_WEIGHTS
from bundle.transforms import NeighborSlices
from bundle.workflow.command_line import TRACKING_ARGUMENTS
from bundle.workflow.compare import OLD_NAMES, with_current_names
from bundle.workflow.knobs import names
from bundle.workflow.trained_settings import trained_for_inference

_OF_A_CALL = (("train", "trainer", "network"), ("train", "dataset", "data"), ("validate", "dataset", "data"))
"""What several GPUs, and programs that bring their own cases, set inside the wiring for one training alone."""


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
    # a run on several GPUs brings its own network, initialize and finalize; one process must be able to continue it
    reset = names("source", "place", "machine", "run") | TRACKING_ARGUMENTS
    kept = {name: value for name, value in with_current_names(config, defaults).items() if name not in reset}
    packed = copy.deepcopy({**defaults, **kept, "model_dir": "$@bundle_root + '/models'"})
    # a list of cases and the weights at the start stay behind
    packed |= {name: None for name in ("split_file", *START_WEIGHTS) if name in packed}
    for part, component, argument in _OF_A_CALL:
        if argument in defaults.get(part, {}).get(component, {}):
            packed[part][component][argument] = defaults[part][component][argument]
    return packed


def packed_inference(
    train: Mapping[str, Any],
    defaults: Mapping[str, Any],
    threshold: float | None = None,
    volume_threshold: float | None = None,
    map_scale: Sequence[float] | None = None,
    **scored_with: Any,
) -> dict[str, Any]:
    """Return the config that infers with the network, preprocessing and attribution that were trained.

    What both configs know comes from training; what these parts refer to and inference lacks comes with them.

    Args:
        train: the packed train.json.
        defaults: the repository's inference.json.
        threshold: probability from which a slice counts as positive; None keeps the default.
        volume_threshold: the same for the highest probability of a volume's slices, see `with_one_rule`.
        map_scale: map values at the two ends of the color scale.
        **scored_with: further knobs that the thresholds belong to; None keeps the default.

    Example:
        >>> train = {"network_def": {"width": "@width", "deep": "@deep"}, "width": 32, "deep": True, "device": "cuda"}
        >>> packed = packed_inference(train, {"network_def": {}, "width": 768, "device": "cpu", "threshold": 0.5}, 0.3)
        >>> packed.pop("network_def"), packed
        ({'width': '@width', 'deep': '@deep'}, {'width': 32, 'device': 'cpu', 'threshold': 0.3, 'deep': True})
    """
    packed = copy.deepcopy({**defaults, **trained_for_inference(train, defaults)})
    chosen = {"threshold": threshold, "volume_threshold": volume_threshold, "map_scale": map_scale}
    chosen |= {"shown_channel": train.get("shown_channel"), **scored_with}
    packed.update({name: value for name, value in chosen.items() if value is not None})
    return with_one_rule(packed)


def with_one_rule(inference: Mapping[str, Any]) -> dict[str, Any]:
    """Return inference.json with a volume threshold that holds beside its own slice threshold alone.

    Another `threshold`, given when the bundle is run, then serves slices and volumes, as it does in an evaluation.

    Example:
        >>> with_one_rule({"threshold": 0.3, "volume_threshold": 0.6})["volume_threshold"]
        '$0.6 if @threshold == 0.3 else @threshold'
        >>> with_one_rule({"threshold": 0.3, "volume_threshold": "@threshold"})["volume_threshold"]
        '@threshold'
    """
    slices, volumes = (inference.get(name) for name in ("threshold", "volume_threshold"))
    if not isinstance(volumes, int | float):
        return dict(inference)
    return {**inference, "volume_threshold": f"${volumes!r} if @threshold == {slices!r} else @threshold"}


_SCORES = {
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
    parser = ConfigParser(copy.deepcopy(dict(train)))
    size, own, classes = (parser.get_parsed_content(id_) for id_ in ("image_size", "in_channels", "num_classes"))
    slices = NeighborSlices(parser.get_parsed_content("neighbor_mm") if "neighbor_mm" in train else None).count
    # an adaptation belongs to other weights
    packed: dict[str, Any] = copy.deepcopy({name: metadata[name] for name in metadata if name != ADAPTATION})
    image, pred = packed["network_data_format"]["inputs"]["image"], packed["network_data_format"]["outputs"]["pred"]
    files = train["finder"].get("channels", []) if isinstance(train.get("finder"), dict) else []
    meaning = _channel_def(files, own, slices)
    image |= {"num_channels": slices * own, "spatial_shape": [size, size], "channel_def": meaning}
    if with_current_names(train, OLD_NAMES.values()).get("normalize") != "slice":
        image["value_range"] = []
        packed["image_classes"] = "channels in the order of training, intensities as `preprocessing` scales them"
    pred["num_channels"] = classes
    if classes > 1:
        pred["channel_def"] = {str(k): f"logit of class {k}" for k in range(classes)}
        packed["label_classes"] = f"class of the slice, 0 to {classes - 1}; 0 is no object"
    packed["pred_classes"] = _pred_classes(classes, threshold)
    packed["eval_metrics"] = _eval_metrics(metrics)
    return packed


def _channel_def(files: list[str], own: int, slices: int) -> dict[str, str]:
    """Return channel -> meaning, the name of its file if there is one file a channel; then those of the neighbors."""
    names = [str(files[c]) if len(files) == own else f"channel {c}" for c in range(own)]
    beside = [f"{name} of the slice {way}" for way in ("before", "after")[: slices - 1] for name in names]
    return {str(c): name for c, name in enumerate([*names, *beside])}


def _pred_classes(classes: int, threshold: float) -> str:
    """Return the meaning of the logits as a sentence."""
    meaning = "one logit; its sigmoid" if classes == 1 else f"{classes} logits; 1 minus the softmax of class 0"
    return f"{meaning} is the probability that the slice contains the object, positive from {threshold:.4g}"


def _eval_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return score -> value on the test set; a score without a value is left out."""
    found = {f"{group}_{name}": metrics.get(group, {}).get(name) for group, names in _SCORES.items() for name in names}
    return {name: value for name, value in found.items() if value is not None}
