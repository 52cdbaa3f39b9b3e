"""RobustViT loss: relevance on the object, none on the background."""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import weighted_mean

_SHARES = {"lgmvit_code": (1.0, 0.0), "original_paper": (0.8, 0.2)}
"""Variant -> share of the map terms, share of the cross entropy against the network's own prediction."""


class RobustViTLoss(nn.Module):
    """foreground * mean (R M - M)^2 + background * mean (R (1 - M))^2, mean over the slices with weight 1.

    Args:
        foreground: weight of missing relevance on the object.
        background: weight of relevance off the object.
        variant: "lgmvit_code": these two terms, as LGM-ViT's authors compare it. "original_paper": 0.8 times these
            terms plus 0.2 times the cross entropy against the network's own prediction, which limits forgetting in
            fine-tuning.

    Shapes:
        map R (B, 1, H, W) in [0, 1], batch with "mask" (B, 1, H, W), "weight" (B,) and, for "original_paper",
        logits (B, K) under "pred" -> scalar.

    Raises:
        ValueError: unknown variant.
        KeyError: "original_paper" without logits.

    Source: Chefer et al., Optimizing Relevance Maps of Vision Transformers Improves Robustness (2022).

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[1.0, 0.0]]]])
        >>> batch = {"mask": mask, "weight": torch.ones(1)}
        >>> RobustViTLoss(foreground=0.5, background=2.0)(torch.tensor([[[[0.0, 1.0]]]]), batch).item()
        1.25
    """

    def __init__(self, foreground: float = 0.3, background: float = 2.0, variant: str = "lgmvit_code") -> None:
        super().__init__()
        if variant not in _SHARES:
            raise ValueError(f"variant must be one of {sorted(_SHARES)}, got {variant!r}: choose one of these.")
        self.foreground = foreground
        self.background = background
        self.variant = variant

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss in float32."""
        mask, relevance = batch[keys.MASK].float(), attribution.float()
        missing = (relevance * mask - mask).square().flatten(1).mean(dim=1)
        wrong = (relevance * (1 - mask)).square().flatten(1).mean(dim=1)
        map_share, agreement_share = _SHARES[self.variant]
        per_slice = map_share * (self.foreground * missing + self.background * wrong)
        if agreement_share:
            per_slice = per_slice + agreement_share * _own_cross_entropy(_logits_of(batch))
        return weighted_mean(per_slice, batch[keys.WEIGHT].float())


def _own_cross_entropy(logits: Tensor) -> Tensor:
    """Return (B,): cross entropy of the logits (B, K) against the predicted class, a constant."""
    if logits.shape[1] == 1:
        predicted = (logits.detach() > 0).float()
        return F.binary_cross_entropy_with_logits(logits, predicted, reduction="none")[:, 0]
    return F.cross_entropy(logits, logits.argmax(dim=1), reduction="none")


def _logits_of(batch: Mapping[str, Tensor]) -> Tensor:
    """Return the logits (B, K) of the batch."""
    if keys.PRED not in batch:
        raise KeyError(
            f"batch must be a dict with the logits under {keys.PRED!r} for variant 'original_paper', got entries "
            f"{sorted(batch)}: add the logits, or use variant 'lgmvit_code'."
        )
    return batch[keys.PRED].float()
