"""Generic attention explainability (GAE)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of, class_score, identity_cls_row
from bundle.networks import Evidence
from bundle.scaling import min_max_normalize


class Relevance(Attribution):
    """Attention weighted by the gradient of a class, accumulated over the blocks, resized, then min-max per slice.

    R = (I + C_n) ... (I + C_1) with C_j the mean over the heads of relu(dy/dA_j * A_j) and y the logit of the class.
    The map is the CLS row of R without its CLS column; only that row is computed, from the last block to the first. The
    gradient is a constant for the loss (no second derivative), and no parameter's `.grad` changes.

    Args:
        target_class: index of the explained class. None: the single logit, or the highest of several. For a single
            logit, 1 explains the logit and 0 its negative, the evidence against the class.

    Needs the full attention of every block and the graph of the forward pass: call `forward_evidence` under
    `torch.enable_grad()`. Works in eager mode and with DDP's defaults.

    Raises:
        ValueError: target_class out of range; evidence without attentions.
        RuntimeError: evidence without a graph, or with logits that do not depend on its attentions (torch.compile, and
            DDP with static_graph or find_unused_parameters).

    Source: Chefer et al., Generic Attention-model Explainability (2021).

    Example:
        >>> attention = torch.full((1, 2, 5, 5), 0.2, requires_grad=True)
        >>> logits = attention[:, :, 0, 4].sum(dim=1, keepdim=True)
        >>> evidence = Evidence(logits, attention[:, :, 0, 1:], (attention,), torch.zeros(1, 4, 8), (2, 2))
        >>> Relevance()(evidence, (2, 2)).flatten().tolist()  # the logit depends on the last patch only
        [0.0, 0.0, 0.0, 1.0]
    """

    needs_attentions = True
    needs_grad = True

    def __init__(self, target_class: int | None = None) -> None:
        if target_class is not None and target_class < 0:
            raise ValueError(f"target_class must be None or at least 0, got {target_class}: give the index of a class.")
        self.target_class = target_class

    def __call__(self, evidence: Evidence, image_hw: Sequence[int]) -> Tensor:
        """Return the map (B, 1, H, W) in [0, 1]."""
        return min_max_normalize(super().__call__(evidence, image_hw))

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N), at least 0."""
        attentions = attentions_of(evidence, method="Relevance")
        with torch.enable_grad():  # evaluation calls this under no_grad
            gradients = _gradients_of(class_score(evidence.logits, self.target_class), attentions)
        row = identity_cls_row(attentions[0][:, 0])
        for matrix, gradient in zip(reversed(attentions), reversed(gradients), strict=True):
            row = row + row @ (gradient.float() * matrix.float()).relu().mean(dim=1)
        return row[:, 0, 1:]


def _gradients_of(score: Tensor, attentions: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return d score / d A of each block, without a graph."""
    if not score.requires_grad:
        raise RuntimeError(
            "evidence must have a graph for Relevance, got logits that require no gradient: call forward_evidence "
            "under torch.enable_grad(), with parameters that require gradients."
        )
    gradients = torch.autograd.grad(score, attentions, retain_graph=True, allow_unused=True)
    reached = tuple(gradient for gradient in gradients if gradient is not None)
    if len(reached) < len(attentions):
        raise RuntimeError(
            "evidence.logits must depend on the attention of every block for Relevance, got others: switch "
            "off torch.compile, and static_graph and find_unused_parameters of DistributedDataParallel, or choose "
            "another attribution."
        )
    return reached
