"""A network of an earlier run that draws the masks which a training lacks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import Tensor

from bundle.attribution import MaskProbability
from bundle.data import require_held_out
from bundle.networks import load_weights
from bundle.workflow.compare import read_config_record
from bundle.workflow.knobs import CONFIGS


class Teacher:
    """Draws the mask of a positive slice: the pixels where a trained network finds it likelier than not.

    Where it finds none, the mask stays empty and the slice teaches its label alone. The run of the teacher must not
    have been trained on cases that this one holds out, see `require_held_out`; evaluation looks for its test cases.

    Args:
        weights: `model.pt` of a run; `config.json` beside it tells the network, see `require_same_slices`.
        device: of the network.
        held_out: ids of the validation cases.

    Shapes:
        (B, C, S, S) -> (B, 1, S, S), uint8.

    Raises:
        FileNotFoundError: at the first call, there is no file.
        ValueError: at the first call, the network predicts no mask, or saw cases that are held out.

    Source: self-training, Lee (2013), Pseudo-Label; here the labels of slices are given and only masks are drawn.

    Example:
        >>> Teacher("no/model.pt")(torch.rand(1, 1, 32, 32))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/model.pt must be a file of weights, got no file: train first (...
    """

    def __init__(self, weights: str | Path, device: torch.device | str = "cpu", held_out: Sequence[str] = ()) -> None:
        self.weights = Path(weights)
        self.device = torch.device(device)
        self.held_out = held_out

    def __call__(self, images: Tensor) -> Tensor:
        """Return the masks of some positive slices."""
        with torch.no_grad():
            evidence = self._network.forward_evidence(images.to(self.device), attentions=False)
            if evidence.mask_logits is None:
                raise ValueError(
                    f"{self.weights} must be of a network that predicts masks, got one that predicts none: take a run "
                    "with configs/methods/recommended.yaml or unet.yaml as the teacher."
                )
            return (MaskProbability()(evidence, images.shape[-2:]) >= 0.5).byte()

    @cached_property
    def _network(self) -> Any:  # a module that is an EvidenceNetwork
        require_held_out(self.weights, self.held_out)
        parser = ConfigParser()
        parser.read_config(str(CONFIGS / "train.json"))
        parser.update(read_config_record(self.weights.with_name("config.json"), parser.get()))
        parser.update({"bundle_root": str(CONFIGS.parent), "device": self.device})
        parser["network_def"].pop("_requires_", None)  # this process runs the bundle already
        network = parser.get_parsed_content("network").eval()
        load_weights(network, self.weights)
        logging.getLogger(__name__).info(f"{self.weights} draws masks for the positive slices without one.")
        return network
