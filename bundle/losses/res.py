"""RES: robust explanation supervision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from bundle import keys
from bundle.losses.imputation import (
    GaussianImputation,
    GridGaussianImputation,
    LearnedImputation,
    OneConvolutionImputation,
)
from bundle.losses.reduction import patch_grid, unit_range, weighted_mean


def separating_threshold(values: Tensor, wanted: Tensor, unwanted: Tensor) -> Tensor:
    """Return the value a, among the candidates, that maximizes mean_unwanted 1(v < a) + mean_wanted 1(v >= a).

    One sort instead of comparing every candidate with every pixel: O(n log n). The least of equally good thresholds
    wins, and a group without pixels adds nothing. Without any pixel the threshold is 0.

    Args:
        values: (n,); the candidates are those of wanted and unwanted pixels.
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
    below = torch.searchsorted(sorted_values, sorted_values)  # how many are strictly less
    unwanted_below, unwanted_count = counts_below(unwanted[order], below)
    wanted_below, wanted_count = counts_below(wanted[order], below)
    # the sum of both shares times both counts: whole numbers compare exactly
    score = unwanted_below * wanted_count.clamp(min=1) + (wanted_count - wanted_below) * unwanted_count.clamp(min=1)
    candidate = (wanted + unwanted)[order] > 0
    best = score.masked_fill(~candidate, -1).argmax()  # the first of equals: the least value
    return torch.where(candidate.any(), sorted_values.gather(0, best[None])[0], 0.0)


def counts_below(members: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many of the sorted members (n,) are among the first `below[i]`, and how many there are."""
    running = F.pad((members > 0).long().cumsum(0), (1, 0))
    return running[below], running[-1]


class RESLoss(nn.Module):
    """How far the map, cut softly at its best threshold, is from the mask, and from what the mask may have meant.

    relu(sum_F |tanh(5 (M - a)) - F| / count_F - 0.1) + mean |M - g(F)|, on the patch grid: M the map, min-max per
    slice; F the mask, nearest; a the threshold that separates F best over the batch, a constant; g the imputation.

    Args:
        imputation: "gaussian" (RES-G) and "learned" (RES-L) as LGM-ViT's authors compare them, or
            "original_gaussian" and "original_learned" as RES's authors wrote them.
        patch_size: pixels a side of a patch.
        in_channels: channels of the image, which "learned" reads.
        outside: "ignored": F is 0 off the object, and not counted there. "negative": F is -1 off the object, which the
            first term counts, too; right where masks are exhaustive.
        slope: of the soft cut.
        margin: what the first term tolerates.

    Learned imputations live here: the optimizer and the checkpoint must hold this loss's parameters; the network's
    weights know nothing of them.

    Shapes:
        map (B, 1, H, W), or (B, 1, gh, gw) already per patch; batch with "image" (B, C, H, W), "mask" (B, 1, H, W)
        and "weight" (B,) -> scalar.

    Raises:
        ValueError: an unknown imputation or outside.
        RuntimeError: several processes, because the threshold belongs to the whole batch.

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
        if imputation not in IMPUTATIONS:
            raise ValueError(f"RESLoss expected imputation to be one of {sorted(IMPUTATIONS)}, got {imputation!r}.")
        if outside not in OUTSIDE:
            raise ValueError(f"RESLoss expected outside to be one of {sorted(OUTSIDE)}, got {outside!r}.")
        self.imputation = IMPUTATIONS[imputation](patch_size, in_channels)
        self.patch_size = patch_size
        self.outside = OUTSIDE[outside]
        self.slope = slope
        self.margin = margin

    def forward(self, attribution: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss, in float32 whatever the map's type."""
        refuse_several_processes()
        mask, weight = batch[keys.MASK].float(), batch[keys.WEIGHT].float()
        grid_hw = (mask.shape[2] // self.patch_size, mask.shape[3] // self.patch_size)
        # a constant map is told before `patch_grid` adds its rounding
        relevance = unit_range(patch_grid(unit_range(attribution.float()), grid_hw))
        target = F.interpolate(mask, size=grid_hw, mode="nearest")
        meant = self.imputation(mask, batch[keys.IMAGE].float(), grid_hw)
        far = weighted_mean((relevance - meant).abs().flatten(1).mean(dim=1), weight)
        return self.cut_error(relevance, target, weight) + far

    def cut_error(self, relevance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Return the first term, over the pixels that count of the slices that count."""
        goal = torch.where(target == 0, -self.outside, target)
        wanted = (goal > 0).float() * weight.reshape(-1, 1, 1, 1)
        unwanted = (goal < 0).float() * weight.reshape(-1, 1, 1, 1)
        threshold = separating_threshold(relevance.flatten(), wanted.flatten(), unwanted.flatten())
        cut = torch.tanh(self.slope * (relevance - threshold))
        error = (wanted + unwanted) * (cut - goal).abs()
        return (error.sum() / (wanted + unwanted).sum().clamp(min=1) - self.margin).relu()


def refuse_several_processes() -> None:
    """Raise where this process has only a part of the batch."""
    if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
        raise RuntimeError(
            f"RESLoss expected one process, got {dist.get_world_size()}: its threshold is one for the whole batch. "
            "Train with one process, or choose another localization loss."
        )


OUTSIDE = {"ignored": 0.0, "negative": 1.0}

IMPUTATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "gaussian": lambda *_: GaussianImputation(),
    "learned": LearnedImputation,
    "original_gaussian": lambda *_: GridGaussianImputation(),
    "original_learned": lambda patch_size, _: OneConvolutionImputation(patch_size),
}
