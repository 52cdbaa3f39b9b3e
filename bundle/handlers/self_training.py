"""Masks that a network draws for its own training, where readers drew none."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import Tensor

from bundle.attribution import likely_mask
from bundle.data import SliceDataset


class SelfTraining:
    """At the start of an epoch, from `first_epoch` on, draws the masks that positive slices of labeled cases lack.

    The network that is trained draws them: the pixels where it finds the object likelier than not, in slices as they
    are, not augmented. Where it finds nothing the mask stays empty and does not count. From then on their cases
    supervise as the others do. They are drawn anew in every epoch, so a run that is resumed has the same. Nothing is
    drawn where a teacher draws, or where no case has a mask.

    Args:
        dataset: training slices, made with `self_training`.
        network: that is trained; it predicts masks.
        first_epoch: counted from 1.

    Raises:
        ValueError: when the run starts, the network predicts no mask.

    Source: self-training, Lee (2013), Pseudo-Label; here the labels of slices are given and only masks are drawn.

    Example:
        >>> empty = SliceDataset([], transform=sorted, cache_dir="not/made", self_training=2)
        >>> SelfTraining(empty, torch.nn.Identity(), 2).attach(Engine(lambda engine, batch: None))
    """

    def __init__(self, dataset: SliceDataset, network: Any, first_epoch: int) -> None:
        self.dataset = dataset
        self.network = network
        self.first_epoch = first_epoch

    def attach(self, engine: Engine) -> None:
        """Draw before the batches of an epoch are made."""
        if self.dataset.masks.is_redrawn:
            engine.add_event_handler(Events.STARTED, self.try_network)
            engine.add_event_handler(Events.EPOCH_STARTED, self)

    def try_network(self) -> None:
        """Refuse a network that predicts no mask before it has been trained for some epochs."""
        self._drawn(self.dataset.masks.images(np.zeros(1, dtype=np.int64)))

    def __call__(self, engine: Engine) -> None:
        """Draw."""
        if engine.state.epoch < self.first_epoch:
            return
        masks = self.dataset.masks
        masks.redraw(self._drawn)
        self.dataset.supervised = masks.supervising  # `SupervisedOrder` draws from all of them alike now
        if engine.state.epoch == self.first_epoch:
            logging.getLogger(__name__).info(
                "from now on the network draws the masks of {cases} training cases: it finds something in {found} of "
                "their {positive} positive slices.".format(**masks.counts)
            )

    def _drawn(self, images: Tensor) -> Tensor:
        device, was_training = next(self.network.parameters()).device, self.network.training
        self.network.eval()
        with torch.no_grad():
            evidence = self.network.forward_evidence(images.to(device), attentions=False)
        self.network.train(was_training)
        return likely_mask(evidence, (images.shape[-2], images.shape[-1]))
