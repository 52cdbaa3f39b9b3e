"""Checkpoint that a killed run continues from, and the best weights."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint
from monai.engines import Evaluator
from torch import nn

from bundle.networks import load_weights, read_tensors
from bundle.networks.weights import differences, save_tensors

_NEVER = -1
"""MONAI's best epoch of an evaluator without a key score: no validation data, of one class only, or not run yet."""
_TIES = ("best_average_precision", "best_since")
"""What `BestEpoch` keeps in the validator's state, for ties and for early stopping."""


class TrainingCheckpoint:
    """At the end of an epoch writes `checkpoint.pt`, and `model.pt` when the epoch was the best so far.

    Both are written next to their final name and renamed, so a kill while saving leaves the previous epoch's file.
    `checkpoint.pt` holds tensors and plain values only (it opens with `weights_only=True`); `model.pt` is the plain
    state dict of the network, which `monai.bundle.load`, MONAI Label and federated clients read. Attach it after
    validation and scheduler: then nothing of the epoch is missing from it.

    Args:
        folder: where both files go.
        network: the plain network, whose names the files use.
        optimizer: continued on resume.
        lr_scheduler: continued on resume.
        validator: its best metric is continued on resume and decides what is best.
        resume: continue from `checkpoint.pt` if there is one.
        split_hash: written into the checkpoint; resuming on another split is refused.
        save: False on all ranks but the first.
        localization_loss: continued on resume; RES-L learns with the network but is no part of `model.pt`.
        kept_network: network whose weights go into `model.pt`, by default `network` itself; their moving average.
        initial_weights: file that a fresh training starts from, in configs before `StartWeights`.

    Raises:
        FileNotFoundError: there are no `initial_weights`.
        ValueError: weights are damaged or of another network, or the checkpoint belongs to another split.

    Example:
        >>> network = nn.Linear(2, 1)
        >>> optimizer = torch.optim.AdamW(network.parameters())
        >>> scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
        >>> handler = TrainingCheckpoint("runs/example", network, optimizer, scheduler, validator=None)
    """

    def __init__(
        self,
        folder: str | Path,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        lr_scheduler: Any,
        validator: Evaluator,
        resume: bool = False,
        split_hash: str = "",
        save: bool = True,
        localization_loss: nn.Module | None = None,
        kept_network: nn.Module | None = None,
        initial_weights: str | Path | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.network = network
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.validator = validator
        self.resume = resume
        self.split_hash = split_hash
        self.save = save
        self.localization_loss = localization_loss or nn.Identity()
        self.kept_network = kept_network or network
        self.initial_weights = initial_weights

    @property
    def file(self) -> Path:
        """The file that a killed run continues from."""
        return self.folder / "checkpoint.pt"

    def attach(self, engine: Engine) -> None:
        """Resume at the start and save after every epoch of the trainer."""
        if self.resume or self.initial_weights is not None:
            engine.add_event_handler(Events.STARTED, self.restore)
        if self.save:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the best weights, if this epoch has them, and the checkpoint; without a key score the last are best."""
        if self.validator.state.best_metric_epoch in (engine.state.epoch, _NEVER):
            weights = self.kept_network.state_dict()
            weights.update({name: tensor.cpu() for name, tensor in weights.items()})  # opens without a GPU too
            save_tensors(weights, self.folder / "model.pt")
        progress = _TrainingProgress(engine, self.validator, self.split_hash)
        save_tensors({name: part.state_dict() for name, part in self._objects(progress).items()}, self.file)

    def restore(self, engine: Engine) -> None:
        """Continue from the checkpoint; without one training starts fresh, from `initial_weights` if they are given."""
        if not (self.resume and self.file.exists()):
            self._start(engine)
            return
        progress = _TrainingProgress(engine, self.validator, self.split_hash)
        objects = self._objects(progress)
        state, lengths = self._read(objects.keys()), _lengths(self.lr_scheduler)
        Checkpoint.load_objects(objects, state)
        if _lengths(self.lr_scheduler) != lengths:
            _stretch(self.lr_scheduler, lengths)
        engine.logger.info(f"Resumed {self.file} after epoch {engine.state.epoch}.")

    def _start(self, engine: Engine) -> None:
        if self.resume:
            engine.logger.info(f"Nothing to resume in {self.folder}: training starts fresh.")
        if self.initial_weights is not None:
            load_weights(self.network, self.initial_weights)
            self.kept_network.load_state_dict(self.network.state_dict())
            engine.logger.info(f"Training starts from the weights of {self.initial_weights}.")

    def _read(self, needed: Set[str]) -> dict[str, Any]:
        """Return the content of the file, if it fits."""
        remedy = "remove it, and the training starts again"
        state = read_tensors(self.file, next(self.network.parameters()).device, remedy)
        if missing := sorted(needed - state.keys()):
            raise ValueError(f"{self.file} must be a checkpoint of this bundle, got one without {missing}: {remedy}.")
        if found := differences(self.network.state_dict(), state["model"]):
            raise ValueError(
                f"{self.file} must hold weights of this network, got others ({found}): resume with the settings the "
                "run was started with, or choose another output_dir."
            )
        return state

    def _objects(self, progress: _TrainingProgress) -> dict[str, Any]:
        average = {} if self.kept_network is self.network else {"kept_network": self.kept_network}
        return average | {
            "model": self.network,
            "optimizer": self.optimizer,
            "lr_scheduler": self.lr_scheduler,
            "localization_loss": self.localization_loss,
            "progress": progress,
        }


class _TrainingProgress:
    """State of the training: epoch, iteration, best metric, random state and the split it runs on."""

    def __init__(self, trainer: Engine, validator: Evaluator, split_hash: str) -> None:
        self.trainer = trainer
        self.validator = validator
        self.split_hash = split_hash

    def state_dict(self) -> dict[str, Any]:
        """Return plain values and one tensor."""
        return {
            "epoch": int(self.trainer.state.epoch),
            "iteration": int(self.trainer.state.iteration),
            "best_metric": float(self.validator.state.best_metric),
            "best_metric_epoch": int(self.validator.state.best_metric_epoch),
            **{name: getattr(self.validator.state, name) for name in _TIES if hasattr(self.validator.state, name)},
            "split_hash": self.split_hash,
            "torch_rng": torch.get_rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore trainer and validator."""
        if state["split_hash"] != self.split_hash:
            raise ValueError(
                f"split must be {state['split_hash'][:12]}, that of the checkpoint, got {self.split_hash[:12]}: its "
                "validation patients may be among the new training patients. Use the same split file, seed and data, "
                "or another output_dir."
            )
        self.trainer.state.epoch, self.trainer.state.iteration = state["epoch"], state["iteration"]
        self.validator.state.best_metric = state["best_metric"]
        self.validator.state.best_metric_epoch = state["best_metric_epoch"]
        for name in set(_TIES) & state.keys():
            setattr(self.validator.state, name, state[name])
        torch.set_rng_state(state["torch_rng"].cpu())


def _lengths(scheduler: Any) -> dict[str, Any]:
    """Return what ties a schedule to a number of epochs, as PyTorch's schedulers name it."""
    names = ("T_max", "total_iters", "total_steps", "_milestones")
    return {name: value for name, value in vars(scheduler).items() if name in names}


def _stretch(scheduler: Any, lengths: dict[str, Any]) -> None:
    """Let a cosine that was restored go on as one of another length: its rate is that of this epoch there."""
    if not isinstance(scheduler, torch.optim.lr_scheduler.CosineAnnealingLR):
        raise ValueError(
            f"lr_scheduler must be CosineAnnealingLR to go on for more epochs, got {type(scheduler).__name__}, whose "
            "schedule has ended: start a new run with initial_weights."
        )
    scheduler.T_max = lengths["T_max"]
    scheduler._last_lr = scheduler._get_closed_form_lr()  # PyTorch has no public name for it
    for group, rate in zip(scheduler.optimizer.param_groups, scheduler._last_lr, strict=True):
        group["lr"] = rate
