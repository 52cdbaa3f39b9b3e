"""Checkpoint that a killed run continues from, and the best weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import Checkpoint, DiskSaver
from monai.engines import Evaluator
from torch import nn

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

    Raises:
        ValueError: the checkpoint belongs to another split or another network.

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

    @property
    def file(self) -> Path:
        """The file that a killed run continues from."""
        return self.folder / "checkpoint.pt"

    def attach(self, engine: Engine) -> None:
        """Resume at the start and save after every epoch of the trainer."""
        if self.resume:
            engine.add_event_handler(Events.STARTED, self.restore)
        if self.save:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the best weights, if this epoch has them, and the checkpoint; without a key score the last are best."""
        if self.validator.state.best_metric_epoch in (engine.state.epoch, _NEVER):
            _disk_saver(self.folder)(self.kept_network.state_dict(), "model.pt")
        progress = _TrainingProgress(engine, self.validator, self.split_hash)
        checkpoint = Checkpoint(self._objects(progress), _disk_saver(self.folder), filename_pattern=self.file.name)
        checkpoint(engine)

    def restore(self, engine: Engine) -> None:
        """Continue from the checkpoint; without one training starts fresh."""
        if not self.file.exists():
            engine.logger.info(f"Nothing to resume in {self.folder}: training starts fresh.")
            return
        device = next(self.network.parameters()).device
        state = self._read(device)
        progress = _TrainingProgress(engine, self.validator, self.split_hash)
        try:
            Checkpoint.load_objects(self._objects(progress), state)
        except RuntimeError as error:
            raise ValueError(
                f"{self.file}: weights must be those of this network, got {error}: resume with the settings the "
                "run was started with, or choose another output_dir."
            ) from error
        engine.logger.info(f"Resumed {self.file} after epoch {engine.state.epoch}.")

    def _read(self, device: torch.device) -> dict[str, Any]:
        """Return the content of the file."""
        try:
            state: dict[str, Any] = torch.load(self.file, map_location=device, weights_only=True)
        except Exception as error:  # a torn pickle fails in any way
            raise ValueError(
                f"{self.file}: file must be a checkpoint of this bundle, got one that cannot be read ({error}): if "
                "it is damaged, remove it, and the training starts again."
            ) from error
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
        self.trainer.state.epoch = state["epoch"]
        self.trainer.state.iteration = state["iteration"]
        self.validator.state.best_metric = state["best_metric"]
        self.validator.state.best_metric_epoch = state["best_metric_epoch"]
        for name in set(_TIES) & state.keys():
            setattr(self.validator.state, name, state[name])
        torch.set_rng_state(state["torch_rng"].cpu())


def _disk_saver(folder: Path) -> DiskSaver:
    """Return Ignite's saver that writes a temporary file and renames it; other files in the folder may stay."""
    return DiskSaver(str(folder), atomic=True, create_dir=True, require_empty=False)
