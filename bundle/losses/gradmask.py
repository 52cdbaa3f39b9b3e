"""GradMask: no relevance outside the object."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from bundle import keys
from bundle.losses.reduction import unit_range, weighted_mean


class GradMaskLoss(nn.Module):
    """What an attribution map shows outside the mask, squared, mean over the slices that count.

    Args:
        form: "paper": min-max per slice, the smoothed mask, mean over pixels, as LGM-ViT's authors compare it.
            "original": the map as it is, the mask itself, sum over pixels and channels. Its map is the gradient of the
            logits by the pixels. No attribution of this bundle gives that, so `LocalizationLoss` refuses this form; a
            training loop of your own makes it from `evidence = network.forward_evidence(image, attentions=True)` by
            `torch.autograd.grad(evidence.logits.sum(), image, create_graph=True)`. Without the attentions the network
            takes the fused kernel, which has no second derivative.

    Shapes:
        map (B, 1, H, W), for "original" (B, C, H, W); batch with "mask", "smoothed_mask" (B, 1, H, W) and "weight" (B,)
        -> scalar.

    Raises:
        ValueError: an unknown form.

    Source: Simpson et al., GradMask: Reduce Overfitting by Regularizing Saliency (2019).

    Example:
        >>> import torch
        >>> mask = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
        >>> batch = {"mask": mask, "smoothed_mask": mask, "weight": torch.ones(1)}
        >>> GradMaskLoss()(torch.tensor([[[[2.0, 2.0], [1.0, 1.0]]]]), batch).item()  # one of four pixels
        0.25
    """

    def __init__(self, form: str = "paper") -> None:
        super().__init__()
        if form not in FORMS:
            raise ValueError(f"GradMaskLoss expected form to be one of {sorted(FORMS)}, got {form!r}.")
        self.form = form
        self.needs_pixel_gradient = form == "original"

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, in float32 whatever the map's type."""
        return weighted_mean(FORMS[self.form](attribution.float(), batch), batch[keys.WEIGHT].float())


def mean_outside(attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return (B,): mean over pixels of (minmax(map) (1 - smoothed mask))^2."""
    outside = unit_range(attribution) * (1 - batch[keys.SMOOTHED_MASK].float())
    return outside.square().flatten(1).mean(dim=1)


def sum_outside(attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return (B,): sum over pixels and channels of (map (1 - mask))^2."""
    return (attribution * (1 - batch[keys.MASK].float())).square().flatten(1).sum(dim=1)


FORMS: dict[str, Callable[[Tensor, Mapping[str, Tensor]], Tensor]] = {"paper": mean_outside, "original": sum_outside}
