"""Evaluation needs evidence for its maps; the network that is saved returns logits."""

from __future__ import annotations

from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor

from bundle.attribution import Attribution
from bundle.networks import Evidence, SliceViT


class EvidenceInferer(Inferer):
    """Calls `network.forward_evidence` with what an attribution method declares to need.

    Evaluators run under `no_grad`; a method that needs gradients gets them here.

    Args:
        attribution: the method whose `needs_attentions` and `needs_grad` count.

    Shapes:
        (B, C, S, S) -> Evidence.

    Example:
        >>> from bundle.attribution import EAFEM
        >>> from bundle.networks import SliceViT
        >>> vit = SliceViT(image_size=32, patch_size=8, in_channels=1, hidden_size=16, num_layers=1, num_heads=2)
        >>> EvidenceInferer(EAFEM())(torch.rand(2, 1, 32, 32), vit.eval()).grid_hw
        (4, 4)
    """

    def __init__(self, attribution: Attribution) -> None:
        super().__init__()
        self.attribution = attribution

    def __call__(self, inputs: Tensor, network: SliceViT, *args: Any, **kwargs: Any) -> Evidence:
        """Return the evidence for a batch of slices."""
        with torch.set_grad_enabled(self.attribution.needs_grad):
            return network.forward_evidence(inputs, attentions=self.attribution.needs_attentions)
