"""The threshold that separates wanted from unwanted pixels best."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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
