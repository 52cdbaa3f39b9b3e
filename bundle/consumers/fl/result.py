"""Run folders of a federation: what packing takes, of the common weights and of each site's."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from torch import Tensor, nn

from bundle.consumers.fl.average import FederatedAverage
from bundle.consumers.fl.counts import added, pooled_metrics, spread
from bundle.consumers.fl.plan import ROOT, FederationPlan
from bundle.consumers.fl.update import fitting_state
from bundle.files import read_json, write_json
from bundle.networks import read_weights
from bundle.networks.weights import save_tensors
from bundle.probabilities import SliceProbabilities
from bundle.workflow.provenance import file_and_hash, git_revision, now

RECORD, WEIGHTS = "federation.json", "federation.pt"
"""Names of what the server leaves."""
_PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy")


def federated_network(plan: FederationPlan) -> nn.Module:
    """Return the network of a plan, with the weights that the federation starts from.

    Raises:
        FileNotFoundError: there are no `initial_weights`.
        ValueError: they are of another network.

    Example:
        >>> sizes = {"image_size": 16, "patch_size": 8, "hidden_size": 8, "num_layers": 1, "num_heads": 2}
        >>> plan = FederationPlan(["configs/train.json"], {"A": {"dataset_dir": "a"}}, sizes)
        >>> type(federated_network(plan)).__name__
        'SliceViT'
    """
    parser = ConfigParser({**plan.config(), "bundle_root": str(ROOT)})
    parser["network_def"] = {name: value for name, value in parser["network_def"].items() if name != "_requires_"}
    torch.manual_seed(parser.get_parsed_content("seed"))
    network: nn.Module = parser.get_parsed_content("network_def")
    if plan.initial_weights is not None:
        given = read_weights(plan.folder / plan.initial_weights)
        network.load_state_dict(fitting_state(given, network.state_dict()))
    return network


def write_run(
    folder: str | Path,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    plan: FederationPlan,
    split_hash: str = "",
) -> Path:
    """Write `config.json`, `run.json` and `model.pt`, as a training by `monai.bundle run` leaves them.

    Args:
        folder: of the run.
        config: merged, references unresolved.
        weights: the network's state dict.
        plan: tells rounds and epochs.
        split_hash: of the patients, where one site's are meant.
    """
    folder = Path(folder)
    (folder / "metrics.json").unlink(missing_ok=True)  # scores of other weights
    save_tensors(weights, folder / "model.pt")
    write_json(folder / "config.json", config)
    federation = {name: getattr(plan, name) for name in ("rounds", "local_epochs", "patch_norm_statistics")}
    record = {
        "federation": {**federation, "sites": len(plan.sites)},
        "epochs": plan.rounds * plan.local_epochs,
        "completed": now(),
        "git_revision": git_revision(ROOT),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        **({"split_hash": split_hash} if split_hash else {}),
    }
    write_json(folder / "run.json", record)
    return folder


def write_server(average: FederatedAverage, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write what the server has after a round."""
    save_tensors(weights, folder / WEIGHTS)
    write_json(folder / RECORD, average.record())


def federated_run(plan: FederationPlan, server: str | Path, folder: str | Path) -> Path:
    """Make a run folder of the weights and the record that the server left.

    `metrics.json` has the thresholds of all sites' validation slices together, and each site's own beside them.

    Args:
        plan: of the federation.
        server: folder that holds `federation.json` and `federation.pt`, at any depth: the downloaded job.
        folder: of the run, for `scripts/pack_bundle.py`.

    Raises:
        FileNotFoundError: the server left no such files.
        ValueError: the sites kept their statistics, so there is no common network.
    """
    if plan.patch_norm_statistics == "local":
        raise ValueError(
            f"{folder} must come from averaged statistics, got local ones: every site packs the run in its own folder."
        )
    record = read_json(_only(Path(server), RECORD))
    weights = fitting_state(read_weights(_only(Path(server), WEIGHTS)), federated_network(plan).state_dict())
    config = plan.config()
    write_run(folder, config, weights, plan)
    write_json(Path(folder) / "metrics.json", _metrics(record, config, Path(folder)))
    return Path(folder)


def _only(folder: Path, name: str) -> Path:
    """Return the file of a name below a folder."""
    found = sorted(folder.rglob(name))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{folder} must hold one {name}, got {len(found)}: give the folder of one finished federation."
        )
    return found[0]


def _metrics(record: Mapping[str, Any], config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of metrics.json."""
    counts, last = record["counts"], record["rounds"][-1]
    names = {name for site in counts.values() for name in site}
    pooled = {name: added(site[name] for site in counts.values() if name in site) for name in names}
    patients = sum(numbers["patients"] for numbers in last.values())
    probabilities = SliceProbabilities(smoothing=config["slice_smoothing"], position=config["slice_position"])
    rule = ConfigParser(dict(config)).get_parsed_content("threshold_rule")
    weights = file_and_hash(str(folder / "model.pt")) or {}
    return {
        **pooled_metrics(pooled, patients, len(counts), config["threshold"], rule),
        **probabilities.fitted_to(*spread(pooled["position"])).record(),
        "map_scale": _map_scale(last),
        "test_time_flip": config["test_time_flip"],
        "weights_sha256": weights.get("sha256"),
        "sites": {site: numbers["scores"] for site, numbers in last.items()},
    }


def _map_scale(last: Mapping[str, Mapping[str, Any]]) -> list[float] | None:
    """Return the mean over the sites of the color scale of their maps."""
    scales = [[numbers["scores"][end] for end in ("map_low", "map_high")] for numbers in last.values()
              if "map_high" in numbers["scores"]]  # fmt: skip
    return np.mean(scales, axis=0).tolist() if scales else None
