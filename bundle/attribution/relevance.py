"""Generic attention explainability (GAE)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bundle.attribution.base import Attribution, attentions_of, class_row, minmax
from bundle.networks import Evidence


class Relevance(Attribution):
    """Attention weighted by the gradient of a class, gathered over the blocks; resized, then min-max per slice.

    R = (I + C_n) ... (I + C_1) with C_j the mean over the heads of relu(dy/dA_j * A_j), y the logit of the class; the
    map is R's CLS row without its own column. Only that row is carried through the blocks, from the last to the first.
    The gradient is a constant for the loss (no second derivative) and no parameter's `.grad` is touched.

    Args:
        target_class: the class that is explained. None: the one logit, or the highest of several. For a single logit
            1 is the same and 0 its negative, what speaks against the class.

    Needs the full attention of every block, and the graph of the forward pass, so whoever calls `forward_evidence`
    opens `torch.enable_grad()`. Works in eager mode and under DDP's defaults.

    Raises:
        ValueError: no such class; evidence without attentions.
        RuntimeError: evidence without a graph, or whose logits do not depend on its attentions, which is what
            torch.compile and DDP with static_graph or find_unused_parameters return.

    Source: Chefer et al., Generic Attention-model Explainability (2021).

    Example:
        >>> attention = torch.full((1, 2, 5, 5), 0.2, requires_grad=True)
        >>> logits = attention[:, :, 0, 4].sum(dim=1, keepdim=True)
        >>> evidence = Evidence(logits, attention[:, :, 0, 1:], (attention,), torch.zeros(1, 4, 8), (2, 2))
        >>> Relevance()(evidence, (2, 2)).flatten().tolist()  # only the last patch makes the logit
        [0.0, 0.0, 0.0, 1.0]
    """

    needs_attentions = True
    needs_grad = True

    def __init__(self, target_class: int | None = None) -> None:
        if target_class is not None and target_class < 0:
            raise ValueError(f"target_class expected None or an index of a class from 0 on, got {target_class}.")
        self.target_class = target_class

    def __call__(self, evidence: Evidence, image_hw: Sequence[int]) -> Tensor:
        """Return the map (B, 1, H, W) in [0, 1]."""
        return minmax(super().__call__(evidence, image_hw))

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, N), at least 0."""
        attentions = attentions_of(evidence, method="Relevance")
        with torch.enable_grad():  # evaluation calls this under no_grad
            gradients = gradients_of(class_score(evidence.logits, self.target_class), attentions)
        row = class_row(attentions[0][:, 0])
        for matrix, gradient in zip(reversed(attentions), reversed(gradients), strict=True):
            row = row + row @ (gradient.float() * matrix.float()).relu().mean(dim=1)
        return row[:, 0, 1:]


def class_score(logits: Tensor, target_class: int | None) -> Tensor:
    """Return the sum over the slices of what is explained; slices do not mix, so each gets its own gradient."""
    classes = logits.shape[1]
    if target_class is not None and target_class >= max(classes, 2):
        raise ValueError(f"target_class expected to be below {max(classes, 2)}, got {target_class}.")
    if classes == 1:
        return -logits.sum() if target_class == 0 else logits.sum()
    if target_class is not None:
        return logits[:, target_class].sum()
    return logits.gather(1, logits.argmax(dim=1, keepdim=True)).sum()  # one of equals, where amax takes a share of each


def gradients_of(score: Tensor, attentions: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return d score / d A of each block, without graph."""
    if not score.requires_grad:
        raise RuntimeError(
            "Relevance expected evidence with a graph, got logits that require no gradient: call forward_evidence "
            "under torch.enable_grad(), with parameters that require gradients."
        )
    gradients = torch.autograd.grad(score, attentions, retain_graph=True, allow_unused=True)
    found = tuple(gradient for gradient in gradients if gradient is not None)
    if len(found) < len(attentions):
        raise RuntimeError(
            "Relevance expected logits that depend on the attention of every block, got some that do not: "
            "torch.compile, and DistributedDataParallel with static_graph or find_unused_parameters, cut that graph. "
            "Switch them off, or choose another attribution."
        )
    return found
