"""GradMask loss as LGM-ViT's authors compare it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import weighted_mean
from bundle.scaling import min_max_normalize


class GradMaskLoss(nn.Module):
    """Mean over pixels of (min-max(map) * (1 - smoothed mask))^2, mean over the slices with weight 1.

    Shapes:
        map (B, 1, H, W), batch with "smoothed_mask" (B, 1, H, W) and "weight" (B,) -> scalar.

    Source: Simpson et al., GradMask: Reduce Overfitting by Regularizing Saliency (2019), as in LGM-ViT's code. The
        original penalizes the gradient of the logits by the pixels, which no attribution of this bundle returns.

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
        >>> batch = {"smoothed_mask": mask, "weight": torch.ones(1)}
        >>> GradMaskLoss()(torch.tensor([[[[2.0, 2.0], [1.0, 1.0]]]]), batch).item()  # one of four pixels
        0.25
    """

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss in float32."""
        outside = min_max_normalize(attribution.float()) * (1 - batch[keys.SMOOTHED_MASK].float())
        return weighted_mean(outside.square().flatten(1).mean(dim=1), batch[keys.WEIGHT].float())
