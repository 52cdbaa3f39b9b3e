"""Masks that a network draws for its own training, where readers drew none."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import Tensor

from bundle.attribution import likely_mask
from bundle.data import SliceDataset
from bundle.networks.weights import read_tensors, save_tensors


class SelfTraining:
    """Draws the masks that positive slices of labeled cases lack, at the start of some epochs.

    The network that is trained draws them: the pixels where it finds the object likelier than not, in slices as they
    are, not augmented. Where it finds nothing the mask stays empty and does not count. From then on their cases
    supervise as the others do. Nothing is drawn where a teacher draws, where no
    case has a mask, or where none lacks one.

    The first time is `first_epoch`; then they are drawn anew whenever as many epochs have passed as before it. Where
    they were drawn in every epoch, a network that began with two masks ended with worse maps. The last ones are kept in
    `drawn_masks.pt`, so that a run that is resumed has the same.

    Args:
        dataset: training slices, made with `self_training`.
        network: that is trained; it predicts masks.
        first_epoch: counted from 1.
        folder: of `drawn_masks.pt`, where `checkpoint.pt` lies.
        save: False on all ranks but the first.

    Raises:
        ValueError: when the run starts, the network predicts no mask; or a resumed one finds no masks, or others.

    Source: self-training, Lee (2013), Pseudo-Label; here the labels of slices are given and only masks are drawn.

    Example:
        >>> empty = SliceDataset([], transform=sorted, cache_dir="not/made", self_training=2)
        >>> SelfTraining(empty, torch.nn.Identity(), 2, "runs/mine").attach(Engine(lambda engine, batch: None))
    """

    def __init__(
        self, dataset: SliceDataset, network: Any, first_epoch: int, folder: str | Path, save: bool = True
    ) -> None:
        self.dataset = dataset
        self.network = network
        self.first_epoch = first_epoch
        self.file = Path(folder) / "drawn_masks.pt"
        self.save = save
        self.is_drawn = False

    def attach(self, engine: Engine) -> None:
        """Draw before the batches of an epoch are made."""
        if self.dataset.masks.is_redrawn:
            engine.add_event_handler(Events.STARTED, self.try_network)
            engine.add_event_handler(Events.EPOCH_STARTED, self)

    def try_network(self) -> None:
        """Refuse a network that predicts no mask before it has been trained for some epochs."""
        self._drawn(self.dataset.masks.images(np.zeros(1, dtype=np.int64)))

    def __call__(self, engine: Engine) -> None:
        """Draw, or take what was drawn before the run was killed."""
        since = engine.state.epoch - self.first_epoch
        if since < 0:
            return
        masks = self.dataset.masks
        if since % max(1, self.first_epoch - 1) == 0:
            masks.redraw(self._drawn)
            if self.save:
                save_tensors({"bits": masks.bits}, self.file)
        elif not self.is_drawn:
            self._restore()
        self.is_drawn = True
        self.dataset.supervised = masks.supervising  # `SupervisedOrder` draws from all of them alike now
        if since == 0:
            logging.getLogger(__name__).info(
                "from now on the network draws the masks of {cases} training cases: it finds something in {found} of "
                "their {positive} positive slices.".format(**masks.counts)
            )

    def _restore(self) -> None:
        remedy = "train again without --resume, or resume where the run was"
        if not self.file.is_file():
            raise ValueError(f"{self.file} must hold the masks that the run drew, got no file: {remedy}.")
        kept, bits = read_tensors(self.file, remedy=remedy).get("bits", torch.empty(0)), self.dataset.masks.bits
        if kept.shape != bits.shape:
            shapes = f"of shape {tuple(bits.shape)}, got {tuple(kept.shape)}"
            raise ValueError(f"{self.file} must hold masks {shapes}: {remedy}.")
        bits.copy_(kept)

    def _drawn(self, images: Tensor) -> Tensor:
        device, was_training = next(self.network.parameters()).device, self.network.training
        self.network.eval()
        with torch.no_grad():
            evidence = self.network.forward_evidence(images.to(device), attentions=False)
        self.network.train(was_training)
        return likely_mask(evidence, (images.shape[-2], images.shape[-1]))
