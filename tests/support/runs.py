"""A whole run in miniature, and what differs between two."""

import sys

import numpy as np
import torch
from monai.handlers import LrScheduleHandler, ValidationHandler
from support.network import ToyLoader, toy_batch, toy_evaluator, toy_network, toy_trainer

from bundle.attribution import EAFEM
from bundle.evaluation import write_predictions
from bundle.experiments import BundleRun, Experiment, Search
from bundle.files import write_json
from bundle.handlers import (
    BestEpoch,
    EarlyStopping,
    EpochSeed,
    EvidenceSplit,
    LocalizationLoss,
    SliceScores,
    TrainingCheckpoint,
    TrainingHistory,
    WeightAverage,
)
from bundle.losses import DistributionKL
from bundle.metrics import Predictions, slice_scores
from bundle.networks import WithEvidence
from bundle.workflow import RunRecord

EPOCHS = 5


class ToyRun:
    """The handlers of configs/train.json in their order."""

    def __init__(
        self,
        folder,
        *,
        hidden_size=8,
        epochs=EPOCHS,
        resume=False,
        split_hash="abc",
        patience=None,
        momentum=None,
        length=EPOCHS,
    ):
        torch.manual_seed(99)
        self.folder = folder
        self.network = toy_network(hidden_size=hidden_size)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-2)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=length)
        loader = ToyLoader(toy_batch([1, 0, 1, 0], seed=seed) for seed in range(3))
        metric = {"key_score": SliceScores("auroc")}
        average = WeightAverage(self.network, momentum)
        self.validator = toy_evaluator(
            average.network_to_save, [toy_batch([1, 0, 1, 0, 1], seed=9)], [BestEpoch()], key_val_metric=metric
        )
        self.checkpoint = TrainingCheckpoint(
            folder, self.network, self.optimizer, self.scheduler, self.validator, resume, split_hash,
            kept_network=average.network_to_save,
        )  # fmt: skip
        handlers = [
            EpochSeed(loader, seed=3),
            EvidenceSplit(),
            LocalizationLoss(EAFEM(), DistributionKL(), weight=10.0),
            average,
            ValidationHandler(interval=1, validator=self.validator),
            LrScheduleHandler(self.scheduler, print_lr=False),
            TrainingHistory(folder, self.validator),
            self.checkpoint,
            EarlyStopping(self.validator, patience),
            RunRecord(folder, {}, split_hash, write=patience is None),
        ]
        network = WithEvidence(self.network)
        self.trainer = toy_trainer(network, loader, handlers, optimizer=self.optimizer, max_epochs=epochs)

    def __call__(self):
        self.trainer.run()
        return self

    def state(self):
        """Everything that could differ."""
        best = self.validator.state
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "random": torch.get_rng_state(),
            "progress": [self.trainer.state.epoch, self.trainer.state.iteration],
            "best": [best.best_metric, best.best_metric_epoch],
            "model.pt": torch.load(self.folder / "model.pt", weights_only=True),
            "checkpoint.pt": torch.load(self.folder / "checkpoint.pt", weights_only=True),
        }


def differences(one, other, where=""):
    """Yield the places where two nested states differ by a bit."""
    if isinstance(one, torch.Tensor):
        if one.dtype != other.dtype or not torch.equal(one, other):
            yield where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            yield from differences(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where}.{number}")
    elif one != other:
        yield where


def write_run(folder, seed, quality):
    """A run whose probabilities follow the label the better, the higher the quality."""
    draw = np.random.default_rng(seed)
    case = np.repeat([f"s{seed}c{k}" for k in range(6)], 8)
    label = draw.integers(0, 2, 48)
    noise = np.random.default_rng(seed + 100).random(48)
    probability = quality * label + (1 - quality) * noise
    maps = {"pointing_game": np.where(label > 0, quality, np.nan)}
    prior = {"pointing_game": np.where(label > 0, 0.125, np.nan)}
    site = np.full(48, "x")
    run = Predictions(case, case, site, np.tile(np.arange(8), 6), label, probability, maps, prior, noise)
    write_predictions(folder / "predictions.csv", run)
    metrics = {
        "slice": slice_scores(label, probability, 0.2, case),
        "slice_at_0.5": slice_scores(label, probability, 0.5, case),
        "map": {"pointing_game": quality},
        "threshold": 0.2,
        "baselines": {"position": {"threshold": 0.5}},
    }
    write_json(folder / "metrics.json", metrics)
    return metrics


# scores that rise to 1 - (log10(localization_weight) - 2)^2 / 10 over the epochs; each start is noted
TRAINING = """
import json, math, sys, time
from pathlib import Path
folder, weight, epochs, pause = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
with (folder / "starts").open("a") as file:
    file.write("x")
best = 1 - (math.log10(weight) - 2) ** 2 / 10
history = "epoch,max_epochs,seconds,key_score\\n"
for epoch in range(1, epochs + 1):
    history += f"{epoch},{epochs},1,{best * epoch / epochs}\\n"
    (folder / "history.part").write_text(history)
    (folder / "history.part").replace(folder / "history.csv")
    time.sleep(pause)
(folder / "run.json").write_text(json.dumps({"completed": "now"}))
"""
EXPERIMENT = Experiment("toy", ["configs/train.json"], {"lgmvit": ["configs/methods/lgmvit.yaml"]}, {"fold0": {}})


class TrialRun(BundleRun):
    def commands(self):
        weight, epochs = self.overrides["localization_weight"], self.overrides.get("max_epochs", 3)
        pause = self.overrides.get("pause", 0)
        return [[sys.executable, "-c", TRAINING, self.output_dir, str(weight), str(epochs), str(pause)]]


class ToySearch(Search):
    def trial(self, values):
        run = super().trial(values)
        return TrialRun(run.name, run.output_dir, run.config_files, run.overrides, run.evaluates)
