"""The packed train.json: the run's knobs, without the run's machine."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

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
