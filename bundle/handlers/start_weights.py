"""Weights that a new training starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from torch import nn

from bundle.files import read_json
from bundle.keys import CASE
from bundle.networks import load_initial_weights, load_pretrained


class StartWeights:
    """Loads weights into the network of a fresh training; a run that is continued has its own.

    Weights of a run beside whose file `split.json` lies must not have been trained on cases that this run keeps for
    validation or test. This holds for masked autoencoders too, which look at no label.

    Args:
        network: gets the weights.
        folder: of `checkpoint.pt`.
        resume: whether the run is continued where there is a checkpoint.
        initial_weights: `model.pt` of a run with the same network, or of its pretraining.
        pretrained: weights of another ViT, see `load_pretrained`.
        held_out: items of the validation and test cases.
        kept_network: gets the same weights; the moving average.

    Raises:
        FileNotFoundError: at the start, there is no file.
        ValueError: both files are given; at the start, weights do not fit or saw cases that are held out.

    Example:
        >>> StartWeights(nn.Linear(1, 1), "runs/example").attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self,
        network: nn.Module,
        folder: str | Path,
        resume: bool = False,
        initial_weights: str | Path | None = None,
        pretrained: str | Path | None = None,
        held_out: Sequence[Mapping[str, Any]] = (),
        kept_network: nn.Module | None = None,
    ) -> None:
        if initial_weights is not None and pretrained is not None:
            raise ValueError(
                f"pretrained must be null beside initial_weights {initial_weights}, got {pretrained}: give one of them."
            )
        self.network = network
        self.checkpoint = Path(folder) / "checkpoint.pt"
        self.resume = resume
        self.initial_weights = initial_weights
        self.pretrained = pretrained
        self.held_out = held_out
        self.kept_network = kept_network or network

    def attach(self, engine: Engine) -> None:
        """Load when the trainer starts."""
        if self.initial_weights is not None or self.pretrained is not None:
            engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the weights, unless the run is continued."""
        if self.resume and self.checkpoint.exists():
            return
        file = Path(self.initial_weights or self.pretrained or "")
        _require_unseen(file, [str(item[CASE]) for item in self.held_out])
        if self.pretrained is None:
            load_initial_weights(self.network, file)
        else:
            load_pretrained(self.network, file)
        self.kept_network.load_state_dict(self.network.state_dict())
        engine.logger.info(f"Training starts from the weights of {file}.")


def _require_unseen(weights: Path, held_out: Sequence[str]) -> None:
    """Refuse weights whose training saw cases that are kept for validation or test."""
    split = weights.with_name("split.json")
    seen = sorted(set(read_json(split, {}).get("train", [])) & set(held_out))
    if seen:
        raise ValueError(
            f"{weights} must come from a training without the {len(held_out)} validation and test cases of this one, "
            f"got {len(seen)} of them in {split}, e.g. {seen[0]}: pretrain with the same split, give that file as "
            "split_file, or, if these are other patients of the same names, move that file away."
        )
