"""A whole run in miniature, and what differs between two."""

import torch
from monai.handlers import LrScheduleHandler, ValidationHandler
from toy_training import ToyLoader, toy_batch, toy_evaluator, toy_network, toy_trainer

from bundle.attribution import EAFEM
from bundle.handlers import (
    EarlyStopping,
    EpochSeed,
    EvidenceSplit,
    LocalizationLoss,
    SliceScores,
    TrainingCheckpoint,
    WeightAverage,
)
from bundle.losses import DistributionKL
from bundle.networks import WithEvidence
from bundle.workflow import RunRecord

EPOCHS = 5


class ToyRun:
    """The handlers of configs/train.json in their order."""

    def __init__(
        self, folder, *, hidden_size=8, epochs=EPOCHS, resume=False, split_hash="abc", patience=None, momentum=None
    ):
        torch.manual_seed(99)
        self.folder = folder
        self.network = toy_network(hidden_size=hidden_size)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-2)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=EPOCHS)
        loader = ToyLoader(toy_batch([1, 0, 1, 0], seed=seed) for seed in range(3))
        metric = {"key_score": SliceScores("auroc")}
        average = WeightAverage(self.network, momentum)
        self.validator = toy_evaluator(average.kept, [toy_batch([1, 0, 1, 0, 1], seed=9)], key_val_metric=metric)
        self.checkpoint = TrainingCheckpoint(
            folder, self.network, self.optimizer, self.scheduler, self.validator, resume, split_hash,
            kept_network=average.kept,
        )  # fmt: skip
        handlers = [
            EpochSeed(loader, seed=3),
            EvidenceSplit(),
            LocalizationLoss(EAFEM(), DistributionKL(), weight=10.0),
            average,
            ValidationHandler(interval=1, validator=self.validator),
            LrScheduleHandler(self.scheduler, print_lr=False),
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
