"""A baseline: RES's threshold by comparing every candidate with every pixel, one by one, as its authors do."""

from __future__ import annotations

import torch
from torch import Tensor


def exhaustive_threshold(values: Tensor, wanted: Tensor, unwanted: Tensor) -> Tensor:
    """Return the least of the values (n,) that keeps most wanted pixels at or above and most unwanted ones below."""
    kept, rest = values[wanted > 0], values[unwanted > 0]
    best, best_score = torch.tensor(0.0), torch.tensor(-1.0)
    for candidate in values:
        score = torch.tensor(0.0)
        for value in rest:
            score += (value < candidate).float()
        low = score / max(len(rest), 1)
        score = torch.tensor(0.0)
        for value in kept:
            score += (value >= candidate).float()
        total = low + score / max(len(kept), 1)
        if total > best_score or (total == best_score and candidate < best):
            best, best_score = candidate, total
    return best
