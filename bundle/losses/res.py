"""RES loss (robust explanation supervision) and its threshold search."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ignite.distributed as idist
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.imputation import (
    GaussianImputation,
    GridGaussianImputation,
    LearnedImputation,
    OneConvolutionImputation,
)
from bundle.losses.reduction import patch_grid, weighted_mean
from bundle.scaling import min_max_normalize

_OUTSIDE = {"ignored": 0.0, "negative": 1.0}
"""Option -> magnitude of the target off the object."""

_IMPUTATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "gaussian": lambda *_: GaussianImputation(),
    "learned": LearnedImputation,
    "original_gaussian": lambda *_: GridGaussianImputation(),
    "original_learned": lambda patch_size, _: OneConvolutionImputation(patch_size),
}


class RESLoss(nn.Module):
    """Distance of the soft-thresholded map from the mask, plus its L1 distance from the imputed mask.

    relu(sum_F |tanh(5 (M - a)) - F| / count_F - 0.1) + mean |M - g(F)|, on the patch grid. M is the map, min-max
    per slice; F the mask, nearest; a the threshold that separates F best over the batch, a constant; g the imputation.

    Args:
        imputation: "gaussian" (RES-G) and "learned" (RES-L) as LGM-ViT's authors compare them, or
            "original_gaussian" and "original_learned" as in RES's own code.
        patch_size: pixels a side of a patch.
        in_channels: channels of the image, an input of "learned".
        outside: "ignored": the first term counts pixels of the object only. "negative": F is -1 off the object, and the
            first term counts these pixels too; for exhaustive masks.
        slope: slope of the soft threshold.
        margin: tolerance of the first term.

    The weights of a learned imputation are parameters of this loss: give them to the optimizer and the checkpoint.

    Shapes:
        map (B, 1, H, W), or (B, 1, gh, gw) already per patch; batch with "image" (B, C, H, W), "mask" (B, 1, H, W)
        and "weight" (B,) -> scalar.

    Raises:
        ValueError: unknown imputation or outside.
        RuntimeError: several processes; the threshold belongs to the whole batch.

    Source: Gao et al., RES: A Robust Framework for Guiding Visual Explanation (2022).

    Example:
        >>> mask = torch.zeros(1, 1, 12, 12)
        >>> mask[..., :4, :4] = 1
        >>> batch = {"image": torch.rand(1, 3, 12, 12), "mask": mask, "weight": torch.ones(1)}
        >>> grid_map = F.pad(torch.ones(1, 1, 1, 1), (0, 2, 0, 2))  # on the object's patch of 3 x 3
        >>> round(RESLoss("original_gaussian", patch_size=4)(grid_map, batch).item(), 4)  # 0.9 + (0.5 + 0.5 + 0.25) / 9
        1.0389
    """

    def __init__(
        self,
        imputation: str = "gaussian",
        patch_size: int = 16,
        in_channels: int = 3,
        outside: str = "ignored",
        slope: float = 5.0,
        margin: float = 0.1,
    ) -> None:
        super().__init__()
        if imputation not in _IMPUTATIONS:
            raise ValueError(
                f"imputation must be one of {sorted(_IMPUTATIONS)}, got {imputation!r}: choose one of these."
            )
        if outside not in _OUTSIDE:
            raise ValueError(f"outside must be one of {sorted(_OUTSIDE)}, got {outside!r}: choose one of these.")
        self.imputation = _IMPUTATIONS[imputation](patch_size, in_channels)
        self.patch_size = patch_size
        self.outside = _OUTSIDE[outside]
        self.slope = slope
        self.margin = margin

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss in float32."""
        _require_one_process()
        mask, weight = batch[keys.MASK].float(), batch[keys.WEIGHT].float()
        grid_hw = (mask.shape[2] // self.patch_size, mask.shape[3] // self.patch_size)
        # `patch_grid` adds rounding, which would hide a constant map: scale before it too
        relevance = min_max_normalize(patch_grid(min_max_normalize(attribution.float()), grid_hw))
        target = F.interpolate(mask, size=grid_hw, mode="nearest")
        imputed = self.imputation(mask, batch[keys.IMAGE].float(), grid_hw)
        distance = weighted_mean((relevance - imputed).abs().flatten(1).mean(dim=1), weight)
        return self._threshold_error(relevance, target, weight) + distance

    def _threshold_error(self, relevance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the first term, over the counted pixels of the slices with weight 1."""
        goal = torch.where(target == 0, -self.outside, target)
        wanted = (goal > 0).float() * weight.reshape(-1, 1, 1, 1)
        unwanted = (goal < 0).float() * weight.reshape(-1, 1, 1, 1)
        threshold = separating_threshold(relevance.flatten(), wanted.flatten(), unwanted.flatten())
        soft = torch.tanh(self.slope * (relevance - threshold))
        error = (wanted + unwanted) * (soft - goal).abs()
        return (error.sum() / (wanted + unwanted).sum().clamp(min=1) - self.margin).relu()


def _require_one_process() -> None:
    """Raise if this process has only a part of the batch."""
    ranks = idist.get_world_size()
    if ranks > 1:
        raise RuntimeError(
            f"RESLoss must be trained with one process, got {ranks}: its threshold belongs to the whole batch. "
            "Start one process, or choose another localization loss."
        )


def separating_threshold(values: Tensor, wanted: Tensor, unwanted: Tensor) -> Tensor:
    """Return the value a, among the candidates, that maximizes mean_unwanted 1(v < a) + mean_wanted 1(v >= a).

    One sort, O(n log n), instead of comparing every candidate with every pixel. The smallest of equally good thresholds
    wins; an empty group adds nothing. Without candidates the threshold is 0.

    Args:
        values: (n,); candidates are the values of wanted and unwanted pixels.
        wanted: (n,), 0 or 1.
        unwanted: (n,), 0 or 1.

    Source: method of Gao et al., RES (2022), who search exhaustively.

    Example:
        >>> separating_threshold(
        ...     torch.tensor([0.1, 0.4, 0.6, 0.8]), torch.tensor([0, 1, 0, 1]), torch.tensor([1, 0, 1, 0])
        ... ).item()
        0.4000000059604645
    """
    order = values.detach().argsort()
    sorted_values = values.detach()[order]
    below = torch.searchsorted(sorted_values, sorted_values)  # number of strictly smaller values
    unwanted_below, unwanted_count = _counts_below(unwanted[order], below)
    wanted_below, wanted_count = _counts_below(wanted[order], below)
    # the sum of both shares, times both counts: integers compare exactly
    score = unwanted_below * wanted_count.clamp(min=1) + (wanted_count - wanted_below) * unwanted_count.clamp(min=1)
    candidate = (wanted + unwanted)[order] > 0
    best = score.masked_fill(~candidate, -1).argmax()  # first of equals: the smallest value
    return torch.where(candidate.any(), sorted_values.gather(0, best[None])[0], 0.0)


def _counts_below(members: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
    """Return the number of members among the first `below[i]` sorted pixels, (n,), and the number of all members."""
    running = F.pad((members > 0).long().cumsum(0), (1, 0))
    return running[below], running[-1]
