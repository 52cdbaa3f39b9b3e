"""A hospital in a federation: its own data, trained by MONAI's `MonaiAlgo` through the bundle's own configs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems
from monai.fl.utils.exchange_object import ExchangeObject
from torch import Tensor

from bundle.consumers.fl.counts import Counts, counted, counts_of, spread
from bundle.consumers.fl.plan import ROOT, FederationPlan
from bundle.consumers.fl.result import write_run
from bundle.consumers.fl.update import SiteUpdate, fitting_state, norm_statistics
from bundle.files import read_json
from bundle.keys import IGNORED_LABEL
from bundle.metrics import slice_scores
from bundle.networks.weights import save_tensors
from bundle.probabilities import SliceProbabilities

_QUIET = {"is_first_rank": False, "is_other_rank": True}
"""Without checkpoints, pictures and progress of each round: the federation goes on from the server's weights."""

_PARTS = ("validation", "test")


class Site:
    """Trains and scores weights of a federation on the data of one site; what it returns is weights and numbers.

    The localization loss acts where a case has a mask; cases with a CSV of slice labels train the classifier alone. The
    site keeps its predictions, scores and weights in its own folder, which packs like any run.

    Args:
        plan: the site's copy.
        name: the site's in it.
        folder: where the site's files go.

    Raises:
        ValueError: the plan is wrong, or the data are not as it says; names the files, and stays at the site.

    Example:
        >>> plan = FederationPlan(["configs/train.json"], {"A": {"dataset_dir": "no/data"}})
        >>> Site(plan, "B", "runs/B")
        Traceback (most recent call last):
        ValueError: B must be one of sites, got only A: add it to the plan.
    """

    def __init__(self, plan: FederationPlan, name: str, folder: str | Path) -> None:
        self.plan, self.name, self.folder = plan, name, Path(folder)
        self._config = plan.config(name)
        schedule = {"lr_scheduler#T_max": plan.rounds * plan.local_epochs}  # MonaiAlgo makes it that of one round
        self._algo = MonaiAlgo(
            str(ROOT),
            local_epochs=plan.local_epochs,
            send_weight_diff=False,
            train_workflow=self._workflow(
                plan.files, {**_QUIET, **schedule, "output_dir": str(self.folder / "training")}
            ),
            config_evaluate_filename=None,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="executing the bundle config")  # it is the site's own
            self._algo.initialize(extra={ExtraItems.CLIENT_NAME: name})
        self._training = self._algo.train_workflow.parser
        if list(self._training.get_parsed_content("localization_loss").parameters()):
            raise ValueError(
                "localization_loss must learn nothing in a federation, got one with weights: take another."
            )
        self._network = self._training.get_parsed_content("network")
        self._local = norm_statistics(self._network) if plan.patch_norm_statistics == "local" else frozenset()
        self._validation: ConfigParser | None = None

    def _workflow(self, files: list[str], overrides: Mapping[str, Any]) -> ConfigWorkflow:
        """Return the site's configs as MONAI runs them, its own settings last."""
        own = {"bundle_root": str(ROOT), "cache_dir": str(self.folder / "cache"), **self.plan.overrides(self.name)}
        return ConfigWorkflow(files, logging_file=False, workflow_type="train", **{**own, **overrides})

    def train(self, weights: Mapping[str, Any], *, scored: bool = True) -> SiteUpdate:
        """Train the epochs of a round from weights of the server, and score these before.

        Args:
            weights: name -> tensor or array.
            scored: whether to score them, which tells nothing of those drawn at the start.

        Raises:
            ValueError: the weights are those of another network, or training diverged.
        """
        state = self._state(weights)
        scores = self._scores(state) if scored else {}
        self._algo.train(ExchangeObject(weights=state))
        dataset = self._training.get_parsed_content("train#dataset")
        return self._update(
            self._algo.get_weights().weights,
            slices=int((dataset.labels != IGNORED_LABEL).sum()),
            steps=int(self._algo.trainer.state.iteration - self._algo.iter_of_start_time),
            supervised=int(dataset.supervised.sum()),
            scores=scores,
            counts={"position": counted(dataset.relative_position, dataset.labels)},
        )

    def close(self, weights: Mapping[str, Any], position: Counts) -> SiteUpdate:
        """Evaluate the last weights at the site, with thresholds of its own, and return counts for common ones.

        Args:
            weights: of the server, after the last round.
            position: counts of the training slices of all sites by their position in the scan.
        """
        state = self._state(weights)
        split_hash = self._training.get_parsed_content("split_hash")
        write_run(self.folder, self._config, state, self.plan, split_hash=split_hash)
        known = SliceProbabilities(position=self._config.get("slice_position")).fitted_to(*spread(position))
        parser = self._evaluation(dict(known.record()["slice_position"] or {}))
        parser.get_parsed_content("evaluation#validator").run()
        has_test = len(parser.get_parsed_content("evaluation#dataset")) > 0
        if has_test:
            parser.get_parsed_content("evaluation#evaluator").run()
        found = {part: parser.get_parsed_content(f"evaluation#{part}_predictions").predictions for part in _PARTS}
        made = {
            part: each and parser.get_parsed_content("slice_probabilities").of(each) for part, each in found.items()
        }
        return self._update(
            state,
            patients=len(np.unique(found["test"].patient)) if has_test else 0,
            scores=_scores_of(read_json(self.folder / "metrics.json", {})),
            counts={name: counts for part in _PARTS for name, counts in counts_of(part, made[part]).items()},
        )

    def _state(self, weights: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return the whole state dict, with the site's own statistics where these are local."""
        given, own = (
            {name: value for name, value in weights.items() if name not in self._local},
            self._network.state_dict(),
        )
        needed = {name for name, value in own.items() if value.is_floating_point()} - self._local
        if missing := sorted(needed - set(given)):
            raise ValueError(f"the server must send all weights, got none of {len(missing)}, such as {missing[0]}.")
        return fitting_state(given, own)

    def _update(self, weights: Mapping[str, Tensor], **numbers: Any) -> SiteUpdate:
        """Return what may leave of weights and numbers."""
        own = self._network.state_dict()
        leaving = {
            name: value.cpu()
            for name, value in weights.items()
            if value.is_floating_point() and name not in self._local
        }
        return SiteUpdate(leaving, agreement=self.plan.agreement, **numbers).require_numbers(own)

    def _evaluation(self, position: Mapping[str, Any]) -> ConfigParser:
        """Return the config of an evaluation of the weights in the site's folder."""
        weights = str(self.folder / "model.pt")
        places = {"output_dir": str(self.folder), "checkpoint": weights, "slice_position": position}
        workflow = self._workflow([*self.plan.files, str(ROOT / "configs/evaluate.json")], {**_QUIET, **places})
        workflow.initialize()
        return workflow.parser

    def _scores(self, state: Mapping[str, Tensor]) -> dict[str, float]:
        """Return the scores of weights on the site's validation slices."""
        save_tensors(state, self.folder / "model.pt")
        if self._validation is None:
            self._validation = self._evaluation({})
        self._validation.get_parsed_content("evaluation#validator").run()
        found = self._validation.get_parsed_content("evaluation#validation_predictions").predictions
        scores = slice_scores(found.label, found.probability) if found is not None else {}
        return {name: float(scores[name]) for name in ("auroc", "average_precision") if name in scores}

    def finish(self) -> None:
        """Let MONAI end its workflow."""
        self._algo.finalize()


def _scores_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores in metrics.json that leave the site; one without a value is left out."""
    low, high = metrics.get("map_scale") or (None, None)
    maps, volume = metrics.get("map", {}), metrics.get("volume", {}).get("max", {})
    scores = {name: metrics.get("slice", {}).get(name) for name in ("auroc", "average_precision", "f1")}
    scores |= {name: maps.get(name) for name in ("pointing_game", "iou")}
    scores |= {"threshold": metrics.get("threshold"), "volume_threshold": volume.get("threshold")}
    scores |= {"map_low": low, "map_high": high}
    return {name: float(value) for name, value in scores.items() if value is not None}
