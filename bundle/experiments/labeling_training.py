"""One short training inside this process, through the bundle's own configs, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from bundle.data import Split
from bundle.experiments.run import BUNDLE_ROOT
from bundle.metrics import Predictions

_TEACHING = {
    "bundle.handlers.EpochSeed",
    "bundle.handlers.EvidenceSplit",
    "bundle.handlers.SegmentationLoss",
    "bundle.handlers.LocalizationLoss",
    "LrScheduleHandler",
}
"""Handlers that decide what the network learns; the others write files, choose an epoch or resume."""
Items = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Setup:
    """Config files of every training, and the folders of this machine.

    Args:
        files: relative to the bundle's root, train.json first, evaluate.json last.
        dataset_dir: the data set.
        cache_dir: slice store.
    """

    files: Sequence[str]
    dataset_dir: Path
    cache_dir: Path

    def parser(self, settings: Mapping[str, Any]) -> ConfigParser:
        """Return the merged config."""
        parser = ConfigParser()
        parser.read_config([str(BUNDLE_ROOT / file) for file in self.files])
        folders = {"dataset_dir": str(self.dataset_dir), "cache_dir": str(self.cache_dir)}
        parser.update({"bundle_root": str(BUNDLE_ROOT), **folders, **settings})
        return parser

    def split(self, settings: Mapping[str, Any]) -> Split:
        """Return the cases as the configs divide them."""
        split: Split = self.parser(settings).get_parsed_content("split")
        return split


def train_and_predict(
    setup: Setup, settings: Mapping[str, Any], train: Items, others: Items, optimizer_steps: int
) -> Predictions:
    """Return the probabilities of other scans after a training from scratch; the last weights are taken.

    Args:
        setup: config files and folders.
        settings: ids that this training sets, `seed` among them.
        train: items of the labeled scans that train.
        others: items of all scans to predict.
        optimizer_steps: at least; whole epochs are trained.

    Returns:
        The slices of `others`, with probabilities as an evaluation makes them (smoothing, position).
    """
    parser = setup.parser(settings)
    parser["train"]["dataset"]["data"], parser["validate"]["dataset"]["data"] = list(train), []
    parser["evaluation"]["dataset"]["data"] = list(others)
    parser["train"]["handlers"] = [one for one in parser["train"]["handlers"] if one["_target_"] in _TEACHING]
    collecting = [{"_target_": "bundle.handlers.EvidenceSplit"}, "@evaluation#test_predictions"]
    parser["evaluation"]["evaluator"]["val_handlers"] = collecting
    parser["max_epochs"] = -(-optimizer_steps // len(parser.get_parsed_content("train#dataloader")))
    parser.parse(reset=True)
    torch.manual_seed(int(settings["seed"]))
    parser.get_parsed_content("train#trainer").run()
    parser.get_parsed_content("evaluation#evaluator").run()
    slices = parser.get_parsed_content("train#dataset")
    probabilities = parser.get_parsed_content("slice_probabilities")
    made: Predictions = probabilities.fitted_to(slices.relative_position, slices.labels).of(
        parser.get_parsed_content("evaluation#test_predictions").predictions
    )
    return made
