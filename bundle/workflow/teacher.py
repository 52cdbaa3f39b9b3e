"""A network of an earlier run that draws the masks which a training lacks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import Tensor

from bundle.attribution import likely_mask
from bundle.data import require_held_out
from bundle.files import read_json
from bundle.networks import load_weights
from bundle.workflow.compare import MISSING, Comparison, as_recorded, value_of, with_current_names
from bundle.workflow.knobs import CONFIGS, ROLES, names
from bundle.workflow.program import running_config


class Teacher:
    """Draws the mask of a positive slice: the pixels where a trained network finds it likelier than not.

    Where it finds none, the mask stays empty and does not count. The run of the teacher must not have been trained on
    cases that this one holds out, see `require_held_out`; evaluation checks its test cases.

    Args:
        teacher: `model.pt` of a run; `config.json` beside it tells the network, see `require_same_slices`.
        device: of the network.
        held_out: ids of the validation cases.

    Shapes:
        (B, C, S, S) -> (B, 1, S, S), uint8.

    Raises:
        FileNotFoundError: at the first call, there is no file, or no record beside it.
        ValueError: at the first call, its run has not ended, predicts no mask, knows other slices than the training of
            the `ConfigWorkflow` that calls, or saw cases that are held out.

    Source: self-training, Lee (2013), Pseudo-Label; here the labels of slices are given and only masks are drawn.

    Example:
        >>> Teacher("no/model.pt")(torch.rand(1, 1, 32, 32))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/config.json must tell of the run of the teacher no/model.pt, got no such file: ...
    """

    def __init__(self, teacher: str | Path, device: torch.device | str = "cpu", held_out: Sequence[str] = ()) -> None:
        self.weights = Path(teacher)
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
            return likely_mask(evidence, (images.shape[-2], images.shape[-1]))

    def __getstate__(self) -> dict[str, Any]:
        """Return what a loading process gets: it finds the masks drawn and needs no network."""
        return {name: value for name, value in vars(self).items() if name != "_network"}

    @cached_property
    def _network(self) -> Any:  # a module that is an EvidenceNetwork
        record = teacher_record(self.weights)
        require_held_out(self.weights, self.held_out)
        if asked := running_config():  # of a program: a command line was compared before any case was read
            require_same_slices(self.weights, asked)
        parser = ConfigParser()
        parser.read_config(str(CONFIGS / "train.json"))
        parser.update(with_current_names(record, parser.get()))
        parser.update({"bundle_root": str(CONFIGS.parent), "device": self.device})
        parser["network_def"].pop("_requires_", None)  # this process runs the bundle already
        with torch.random.fork_rng(devices=[]):  # the pupil starts from the same weights as without a teacher
            network = parser.get_parsed_content("network").eval()
        load_weights(network, self.weights)
        logging.getLogger(__name__).info(f"{self.weights} draws masks for the positive slices without one.")
        return network


def teacher_record(weights: str | Path) -> dict[str, Any]:
    """Return `config.json` of the run of a teacher, which must have ended.

    Args:
        weights: file beside which it lies.

    Raises:
        FileNotFoundError: there is none.
        ValueError: `run.json` says that the run has not ended: its weights are those of an early epoch.

    Example:
        >>> teacher_record("no/model.pt")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/config.json must tell of the run of the teacher no/model.pt, got no such file: ...
    """
    record, run = (Path(weights).with_name(name) for name in ("config.json", "run.json"))
    if not record.is_file():
        raise FileNotFoundError(
            f"{record} must tell of the run of the teacher {weights}, got no such file: give model.pt in its folder."
        )
    if run.is_file() and "completed" not in read_json(run):
        raise ValueError(
            f"{weights} must be the weights of a run that has ended, got those of an early epoch: wait for it, or "
            "continue it with --resume True."
        )
    content: dict[str, Any] = read_json(record)
    return content


def require_same_slices(weights: str | Path, asked: Mapping[str, Any]) -> None:
    """Compare the slices of a training, and what is sought in them, with those that a teacher's network knows.

    Args:
        weights: file of the teacher, see `teacher_record`.
        asked: merged config of the training.

    Raises:
        ValueError: lists what differs.

    Example:
        >>> require_same_slices("no/model.pt", {})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        FileNotFoundError: no/config.json must tell of the run of the teacher no/model.pt, got no such file: ...
    """
    asked = as_recorded(asked)
    then = with_current_names(teacher_record(weights), asked)
    ignored = names(*(role for role in ROLES if role not in ("network", "data")))
    comparison = Comparison(then, asked)
    changes = list(comparison.changes({"case_to_slices", "in_channels", "neighbor_mm"}, ignored))
    for part in ("finder#channels", "finder#mask"):  # another finder may name the same files
        if MISSING not in (value_of(then, part), value_of(asked, part)):
            changes += comparison.differences(part)
    if problems := [f"{change.id} {change.then!r}, here {change.now!r}" for change in changes]:
        raise ValueError(
            f"{weights}: a teacher must have been trained on slices of the same form, got others "
            f"({', '.join(problems)}): train it with the same channels, size and preprocessing."
        )
