"""RobustViT: relevance on the object, none on the background."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import weighted_mean

SHARES = {"paper": (1.0, 0.0), "original": (0.8, 0.2)}
"""Per form: share of the map's terms, and of the agreement with the network's own prediction."""


class RobustViTLoss(nn.Module):
    """foreground * mean (R M - M)^2 + background * mean (R (1 - M))^2, mean over the slices that count.

    Args:
        foreground: weight of the relevance missing on the object.
        background: weight of the relevance off the object.
        form: "paper": these two terms, as LGM-ViT's authors compare it. "original": 0.8 of them and 0.2 of the cross
            entropy against the network's own prediction, which keeps fine-tuning from forgetting.

    Shapes:
        map R (B, 1, H, W) in [0, 1], batch with "mask" (B, 1, H, W), "weight" (B,) and, for "original", the logits
        (B, K) under "pred" -> scalar.

    Raises:
        ValueError: an unknown form.
        KeyError: "original" without logits.

    Source: Chefer et al., Optimizing Relevance Maps of Vision Transformers Improves Robustness (2022).

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[1.0, 0.0]]]])
        >>> batch = {"mask": mask, "weight": torch.ones(1)}
        >>> RobustViTLoss(foreground=0.5, background=2.0)(torch.tensor([[[[0.0, 1.0]]]]), batch).item()
        1.25
    """

    def __init__(self, foreground: float = 0.3, background: float = 2.0, form: str = "paper") -> None:
        super().__init__()
        if form not in SHARES:
            raise ValueError(f"RobustViTLoss expected form to be one of {sorted(SHARES)}, got {form!r}.")
        self.foreground = foreground
        self.background = background
        self.form = form

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, in float32 whatever the map's type."""
        mask, relevance = batch[keys.MASK].float(), attribution.float()
        missing = (relevance * mask - mask).square().flatten(1).mean(dim=1)
        wrong = (relevance * (1 - mask)).square().flatten(1).mean(dim=1)
        map_share, agreement_share = SHARES[self.form]
        each = map_share * (self.foreground * missing + self.background * wrong)
        if agreement_share:
            each = each + agreement_share * own_cross_entropy(logits_of(batch))
        return weighted_mean(each, batch[keys.WEIGHT].float())


def own_cross_entropy(logits: Tensor) -> Tensor:
    """Return (B,): cross entropy of the logits (B, K) against the class they predict, which carries no gradient."""
    if logits.shape[1] == 1:
        predicted = (logits.detach() > 0).float()
        return F.binary_cross_entropy_with_logits(logits, predicted, reduction="none")[:, 0]
    return F.cross_entropy(logits, logits.argmax(dim=1), reduction="none")


def logits_of(batch: Mapping[str, Tensor]) -> Tensor:
    """Return the logits (B, K) that the batch carries."""
    if keys.PRED not in batch:
        raise KeyError(
            f"RobustViTLoss(form='original') expected the logits under {keys.PRED!r}, got {sorted(batch)}: "
            "pass them, or use form='paper'."
        )
    return batch[keys.PRED].float()
