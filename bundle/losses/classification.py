"""The first term of the loss."""

from __future__ import annotations

import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from bundle.keys import IGNORED_LABEL


class SliceClassificationLoss(nn.Module):
    """Binary cross entropy of one logit, or cross entropy of K, mean over the labelled slices (paper, Eq. 7).

    With several processes each returns its own sum times the number of processes over the count on all of them, which
    DDP's averaging turns into the one-process value, also where ranks hold different numbers of slices.

    Args:
        num_classes: 1 for one logit, else K.

    Shapes:
        logits (B, K) and label (B, 1) float, or (B,) int64 for several classes; -1 is ignored -> scalar.

    Example:
        >>> import torch
        >>> loss = SliceClassificationLoss()
        >>> round(loss(torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]])).item(), 4)
        0.6931
    """

    def __init__(self, num_classes: int = 1) -> None:
        super().__init__()
        self.num_classes = num_classes

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the loss, exactly 0 with the graph whole where no slice is labelled."""
        label = label.reshape(len(logits))
        counted = (label != IGNORED_LABEL).float()
        if self.num_classes == 1:
            each = F.binary_cross_entropy_with_logits(logits.float().squeeze(1), label.float(), reduction="none")
        else:
            each = F.cross_entropy(logits.float(), label.long(), reduction="none", ignore_index=IGNORED_LABEL)
        count, ranks = count_of_all_ranks(counted)
        return (counted * each).sum() * ranks / count.clamp(min=1)


def count_of_all_ranks(counted: Tensor) -> tuple[Tensor, int]:
    """Return how many slices count on all ranks, and how many ranks there are."""
    count = counted.sum()
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return count, 1
    dist.all_reduce(count)
    return count, dist.get_world_size()
