"""Localization term of the loss (paper, Eq. 10), added by a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import Tensor

from bundle import keys
from bundle.attribution import Attribution


class LocalizationLoss:
    """Adds `weight * loss(attribution(evidence), mask)` to the loss of an iteration, before `backward()` reads it.

    L_total = L_cls + lambda * L_loc (Eq. 10), with L_loc over the positive slices that have a mask and belong to a
    supervised case; without any in the batch the term is exactly 0 and the graph stays whole. Everything runs where
    the batch lies, in float32 and without waiting for the device. With several processes each adds its own sum times
    the number of processes over the count on all of them, which DDP's averaging turns into the one-process value.

    Args:
        attribution: `(evidence, image_hw) -> (B, 1, H, W)`.
        loss: `(map, batch) -> scalar`, the weighted mean over `batch["weight"]`.
        weight: lambda of Eq. 10.
        smooth: `(B, 1, H, W) -> (B, 1, H, W)`, the Gaussian of Eq. 9, or None to compare with the mask as it is.
        negatives: slices of supervised cases without the object count too, with their empty mask: a loss that compares
            distributions asks for a flat map there. Not in the paper.
        final_weight: lambda of the last epoch, reached in a line from the first one's; by default the same. Not in the
            paper.

    `state.output` gains `classification_loss` and `localization_loss` (before lambda), both detached.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> from bundle.losses import DistributionKL
        >>> handler = LocalizationLoss(EAFEM(beta=0.85), DistributionKL(), weight=1000.0)
    """

    def __init__(
        self,
        attribution: Attribution,
        loss: Callable[[Tensor, dict[str, Any]], Tensor],
        weight: float,
        smooth: Callable[[Tensor], Tensor] | None = None,
        negatives: bool = False,
        final_weight: float | None = None,
    ) -> None:
        self.attribution = attribution
        self.loss = loss
        self.weight = weight
        self.smooth = smooth
        self.negatives = negatives
        self.final_weight = final_weight

    def attach(self, engine: Engine) -> None:
        """Add the term after the classification loss of every iteration."""
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add the term to this iteration's loss."""
        output, batch = engine.state.output, engine.state.batch
        evidence = output.pop(keys.EVIDENCE)
        image = output[keys.IMAGE]
        with torch.autocast(image.device.type, enabled=False):
            target = _localization_target(batch, image=image, smooth=self.smooth, negatives=self.negatives)
            attribution = self.attribution(evidence, image.shape[-2:]).float()
            loss_batch = {**target, keys.PRED: evidence.logits}
            term = self.loss(attribution, loss_batch) * share_of_all_ranks(target[keys.WEIGHT])
        output.setdefault("classification_loss", output[keys.LOSS].detach())  # another handler may have added a term
        output["localization_loss"] = term.detach()
        output[keys.LOSS] = output[keys.LOSS] + self._weight_at(engine) * term

    def _weight_at(self, engine: Engine) -> float:
        """Return lambda of the engine's epoch."""
        if self.final_weight is None:
            return self.weight
        epochs = (engine.state.max_epochs or 1) - 1
        done = (engine.state.epoch - 1) / epochs if epochs else 0.0
        return self.weight + done * (self.final_weight - self.weight)


def _localization_target(
    batch: dict[str, Any], *, image: Tensor, smooth: Callable[[Tensor], Tensor] | None, negatives: bool = False
) -> dict[str, Tensor]:
    """Return the batch of a localization loss: image, mask, smoothed mask and weight (B,)."""
    mask = batch[keys.MASK].float()
    smoothed = mask if smooth is None else smooth(mask)
    weight = counted_slices(batch, negatives=negatives)
    return {keys.IMAGE: image, keys.MASK: mask, keys.SMOOTHED_MASK: smoothed, keys.WEIGHT: weight}


def counted_slices(batch: dict[str, Any], *, negatives: bool) -> Tensor:
    """Return (B,), 1 for the slices whose mask supervises, else 0.

    A slice counts where it is positive, its case is supervised and its mask is not empty: augmentation may have moved
    the object out of the picture. With `negatives` a slice labeled negative counts too, if its mask is empty.
    """
    mask = batch[keys.MASK]
    label, seen = batch[keys.LABEL].reshape(len(mask)), mask.amax(dim=(1, 2, 3)) > 0
    counts = (label > 0) & seen
    if negatives:
        counts = counts | ((label == 0) & ~seen)
    weight: Tensor = batch[keys.SUPERVISED].float() * counts
    return weight


def share_of_all_ranks(weight: Tensor) -> Tensor | float:
    """Return the factor that turns this rank's weighted mean into its part of the mean over all ranks.

    Local mean * local count * ranks / count on all ranks; 1 for a single process.
    """
    ranks = idist.get_world_size()
    if ranks == 1:
        return 1.0
    local = weight.sum()
    total: Tensor = idist.all_reduce(local.clone())  # it sums in place
    return local * ranks / total.clamp(min=1)
