"""Train task for MONAI Label: hands the labels of the server to the training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from bundle.consumers.label.progress import training_stats
from bundle.consumers.label.training import LabelTraining
from bundle.files import read_json


class Datastore(Protocol):
    """The part of a datastore of MONAI Label that a training asks."""

    def datalist(self) -> list[dict[str, Any]]:
        """Return image and label of every scan with a final label."""


class SliceTrainTask:
    """Train task of a packed bundle; the app of the server registers it.

    It has the methods of `monailabel.interfaces.tasks.train.TrainTask`, which are all that the server (tried: 0.8.5)
    asks of a task, and needs no MONAI Label itself.

    Args:
        path: folder of the bundle.
        conf: of the server; `patient` and `val_split` are the defaults of these options.

    Example:
        >>> SliceTrainTask("no/bundle", {"patient": "^[^_]+"}).config()["patient"]
        '^[^_]+'
    """

    def __init__(self, path: str | os.PathLike[str], conf: Mapping[str, str] | None = None) -> None:
        self.path = Path(path)
        self.conf = dict(conf or {})

    def info(self) -> dict[str, Any]:
        """Return what clients show."""
        metadata = read_json(self.path / "configs" / "metadata.json", {})
        known = {name: metadata.get(name) for name in ("description", "version")}
        return {**known, "config": self.config()}

    def config(self) -> dict[str, Any]:
        """Return the options of a training with their defaults."""
        train = read_json(self.path / "configs" / "train.json", {})
        cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        return {
            "device": [*cuda, "cpu"],
            "pretrained": True,
            "max_epochs": train.get("max_epochs", 25),
            "val_split": float(self.conf.get("val_split", 0.2)),
            "patient": self.conf.get("patient", ""),
        }

    def stats(self) -> dict[str, Any]:
        """Return the progress of the training, or the outcome of the last one."""
        return training_stats(self.path)

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train on the final labels of the server.

        Args:
            request: options by the names of `config`; others are the server's own.
            datastore: of the server.

        Raises:
            RuntimeError: the reason, which the server shows in the details of `/train` and in its log.
        """
        return LabelTraining.asked(self.path, {**self.config(), **self.conf, **request})(datastore.datalist())
