"""Loss of a predicted mask, added by a handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from ignite.engine import Engine
from monai.engines.utils import IterationEvents
from torch import Tensor

from bundle import keys
from bundle.handlers.localization_loss import counted_slices, share_of_all_ranks
from bundle.networks import Evidence


class SegmentationLoss:
    """Adds `weight * loss(mask logits, share of the mask in each cell)` to the loss, before `backward()` reads it.

    Positive slices of supervised cases count with their mask, unless augmentation moved the object out of the picture,
    and negative slices of all cases with their empty mask. Without any in the batch the term is exactly 0 and the graph
    stays whole. It runs where the batch lies, in float32, without waiting for the device; with several processes it is
    their mean, as in `LocalizationLoss`. Attach it before that handler, which takes the evidence away.

    Args:
        loss: `(mask logits (B, 1, h, w), batch) -> scalar`; `batch` has "mask" (B, 1, h, w), the share of each cell
            that the mask covers, and "weight" (B,).
        weight: of the term beside the classification loss.

    `state.output` gains `classification_loss` and `segmentation_loss` (before the weight), both detached.

    Raises:
        ValueError: the network predicts no mask.

    Example:
        >>> from bundle.losses import DiceBCELoss
        >>> handler = SegmentationLoss(DiceBCELoss(), weight=1.0)
    """

    def __init__(self, loss: Callable[[Tensor, dict[str, Any]], Tensor], weight: float) -> None:
        self.loss = loss
        self.weight = weight

    def attach(self, engine: Engine) -> None:
        """Add the term after the classification loss of every iteration."""
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add the term to this iteration's loss."""
        output, batch = engine.state.output, engine.state.batch
        logits = _mask_logits_of(output[keys.EVIDENCE])
        with torch.autocast(logits.device.type, enabled=False):
            mask, weight = batch[keys.MASK].float(), _taught_slices(batch)
            share = F.adaptive_avg_pool2d(mask, (logits.shape[-2], logits.shape[-1]))
            target = {keys.IMAGE: output[keys.IMAGE], keys.MASK: share, keys.WEIGHT: weight}
            term = self.loss(logits.float(), target) * share_of_all_ranks(weight)
        output.setdefault("classification_loss", output[keys.LOSS].detach())
        output["segmentation_loss"] = term.detach()
        output[keys.LOSS] = output[keys.LOSS] + self.weight * term


def _taught_slices(batch: dict[str, Any]) -> Tensor:
    """Return (B,), 1 for the slices whose mask is known: nobody needs to draw the empty one of a negative slice."""
    mask = batch[keys.MASK]
    is_empty = (batch[keys.LABEL].reshape(len(mask)) == 0) & (mask.amax(dim=(1, 2, 3)) == 0)
    return torch.maximum(counted_slices(batch, negatives=False), is_empty.float())


def _mask_logits_of(evidence: Evidence) -> Tensor:
    """Return the mask logits (B, 1, h, w)."""
    if evidence.mask_logits is None:
        raise ValueError(
            "evidence.mask_logits must be a tensor for SegmentationLoss, got None: train a network that predicts the "
            "mask, see configs/methods, or set segmentation_weight to 0."
        )
    return evidence.mask_logits
