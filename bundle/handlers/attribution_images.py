"""Attribution maps of validation slices, epoch by epoch, in TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.networks.utils import eval_mode
from numpy.typing import NDArray
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from bundle import keys
from bundle.attribution import Attribution
from bundle.handlers.prepare_batch import PrepareSliceBatch
from bundle.networks import EvidenceNetwork
from bundle.reports import draw_overlay, overlay_panel


class BatchDataset(Protocol):
    """A slice dataset that gives whole batches."""

    labels: NDArray

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Any]:
        """Return the slices as one batch."""


class AttributionImages:
    """Draws the maps of a few positive validation slices, masks outlined in magenta, from the first epoch on.

    The slices are spread evenly over the positive ones, so they are the same in every epoch and every run of a split.

    Args:
        log_dir: folder of TensorBoard's files.
        dataset: validation slices.
        network: the plain network, evaluated and left in the mode it was in.
        attribution: makes the maps.
        interval: epochs between two panels; the first epoch has one too.
        num_slices: slices in the panel.
        shown_channel: index of the channel in the panel; -1 is the last.

    Example:
        >>> AttributionImages("runs/example", None, None, None, interval=5).interval
        5
    """

    def __init__(
        self,
        log_dir: str | Path,
        dataset: BatchDataset,
        network: EvidenceNetwork,
        attribution: Attribution,
        interval: int = 5,
        num_slices: int = 6,
        shown_channel: int = -1,
    ) -> None:
        self.log_dir = Path(log_dir)
        self.dataset = dataset
        self.network = network
        self.attribution = attribution
        self.interval = interval
        self.num_slices = num_slices
        self.shown_channel = shown_channel

    def attach(self, engine: Engine) -> None:
        """Draw after the first and after every `interval` epochs of the trainer."""
        is_due = Events.EPOCH_COMPLETED(event_filter=lambda _, epoch: epoch == 1 or epoch % self.interval == 0)
        engine.add_event_handler(is_due, self)

    def __call__(self, engine: Engine) -> None:
        """Draw the panel of this epoch."""
        positive = np.flatnonzero(np.asarray(self.dataset.labels) > 0)
        if not len(positive):
            return
        chosen = positive[np.linspace(0, len(positive) - 1, min(self.num_slices, len(positive))).astype(int)]
        with SummaryWriter(str(self.log_dir)) as writer:
            writer.add_image("attribution", self.panel([int(index) for index in chosen]), engine.state.epoch)

    def panel(self, indices: Sequence[int]) -> NDArray:
        """Return (3, H, W): the slices above, the same with map and mask below; all maps have one color scale."""
        batch = self.dataset.__getitems__(indices)
        image, _ = PrepareSliceBatch()(batch, next(self.network.parameters()).device)
        maps = self._maps(image).cpu().numpy()[:, 0]
        slices, masks = image[:, self.shown_channel].cpu().numpy(), batch[keys.MASK][:, 0].cpu().numpy()
        plain = [draw_overlay(image, np.zeros_like(image)) for image in slices]
        scale = (np.median(maps), maps.max())
        overlays = [draw_overlay(*layers, scale=scale) for layers in zip(slices, maps, masks, strict=True)]
        return overlay_panel([plain, overlays])

    def _maps(self, image: torch.Tensor) -> torch.Tensor:
        """Return maps (B, 1, H, W) of the network as it would be used, in eval mode."""
        with eval_mode(cast(nn.Module, self.network)), torch.set_grad_enabled(self.attribution.needs_grad):
            evidence = self.network.forward_evidence(image, attentions=self.attribution.needs_attentions)
            return self.attribution(evidence, image.shape[-2:]).detach().float()
