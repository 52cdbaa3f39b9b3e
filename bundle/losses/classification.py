"""Classification loss, the first term of Eq. 7 (paper)."""

from __future__ import annotations

import ignite.distributed as idist
import torch.nn.functional as F
from torch import Tensor, nn

from bundle.keys import IGNORED_LABEL


class SliceClassificationLoss(nn.Module):
    """Binary cross entropy of one logit, or cross entropy of K, mean over the labeled slices (paper, Eq. 7).

    With several processes each rank returns (its sum of losses) * (number of ranks) / (labeled slices of all ranks).
    DDP averages these to the one-process value, even if ranks hold different numbers of slices.

    Args:
        num_classes: 1 for one logit, else K.

    Shapes:
        logits (B, K) and label (B, 1) float, or (B,) int64 for several classes; label -1 is ignored -> scalar.

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
        """Return the loss; without a labeled slice exactly 0, with gradients of 0."""
        label = label.reshape(len(logits))
        counted = (label != IGNORED_LABEL).float()
        if self.num_classes == 1:
            each = F.binary_cross_entropy_with_logits(logits.float().squeeze(1), label.float(), reduction="none")
        else:
            each = F.cross_entropy(logits.float(), label.long(), reduction="none", ignore_index=IGNORED_LABEL)
        count, ranks = counted.sum(), idist.get_world_size()
        if ranks > 1:
            count = idist.all_reduce(count)
        return (counted * each).sum() * ranks / count.clamp(min=1)
