"""Weights that a new training starts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from bundle.data import require_held_out
from bundle.networks import load_initial_weights, load_pretrained


class StartWeights:
    """Loads weights into the network of a fresh training; a run that is continued has its own.

    Weights of a run must not have been trained on cases that this run holds out, see `require_held_out`. This goes for
    masked autoencoders too, which look at no label.

    Args:
        network: gets the weights.
        folder: of `checkpoint.pt`.
        resume: whether the run is continued where there is a checkpoint.
        initial_weights: `model.pt` of a run with the same network, or of its pretraining.
        pretrained: weights of another ViT, see `load_pretrained`.
        held_out: ids of the validation cases; evaluation looks for its test cases.
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
        held_out: Sequence[str] = (),
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
        require_held_out(file, self.held_out, is_foreign=self.pretrained is not None)
        if self.pretrained is None:
            load_initial_weights(self.network, file)
        else:
            load_pretrained(self.network, file)
        self.kept_network.load_state_dict(self.network.state_dict())
        engine.logger.info(f"Training starts from the weights of {file}.")
