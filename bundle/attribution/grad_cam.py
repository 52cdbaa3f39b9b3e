"""Gradient-weighted class activation map (Grad-CAM) of a convolutional network."""

from __future__ import annotations

import torch
from torch import Tensor

from bundle.attribution.base import Attribution, class_score, part_of
from bundle.networks import Evidence


class GradCAM(Attribution):
    """relu(sum_c w_c F_c): the last features F, each channel weighted by the mean gradient of a class's logit.

    The gradient is a constant for a loss (no second derivative), and no parameter's `.grad` changes. Maps are not
    scaled, so those of several slices can be compared.

    Args:
        target_class: as in `Relevance`; None explains the single logit, or the highest of several.

    Needs the graph of the forward pass: call `forward_evidence` under `torch.enable_grad()`.

    Raises:
        ValueError: evidence without features; target_class out of range.
        RuntimeError: features without a graph.

    Source: Selvaraju et al., Grad-CAM (2017). `monai.visualize.GradCAM` gives the same maps, by hooks.

    Example:
        >>> features = torch.eye(2).reshape(1, 1, 2, 2).requires_grad_()
        >>> evidence = Evidence(features.mean((2, 3)), None, None, None, (2, 2), features=features)
        >>> GradCAM()(evidence, (2, 2)).tolist()
        [[[[0.25, 0.0], [0.0, 0.25]]]]
    """

    needs_grad = True

    def __init__(self, target_class: int | None = None) -> None:
        self.target_class = target_class

    def grid_map(self, evidence: Evidence) -> Tensor:
        """Return (B, h w), at least 0."""
        features = part_of(evidence, "features", method="GradCAM")
        if not features.requires_grad:
            raise RuntimeError(
                "evidence.features must have a graph for GradCAM, got features that require no gradient: call "
                "forward_evidence under torch.enable_grad()."
            )
        with torch.enable_grad():  # evaluation calls this under no_grad
            score = class_score(evidence.logits, self.target_class)
            (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
        weights = gradient.float().mean(dim=(2, 3), keepdim=True)
        return (weights * features.float()).sum(dim=1).relu().flatten(1)

    def grid_hw(self, evidence: Evidence) -> tuple[int, int]:
        """Return rows and columns of the features."""
        rows, columns = part_of(evidence, "features", method="GradCAM").shape[-2:]
        return rows, columns
