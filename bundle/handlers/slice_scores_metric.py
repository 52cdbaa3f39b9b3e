"""Scores over the slices of an epoch, as MONAI's key metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from ignite.metrics import Metric
from monai.utils import evenly_divisible_all_gather
from torch import Tensor

from bundle.metrics import BinaryScores, class_probabilities, slice_scores


class SliceScores(Metric):
    """F1, accuracy, AUROC and the rest over all slices of an epoch; one of them is the key metric.

    An iteration only keeps two small tensors; everything is computed once, when the epoch ends, over all ranks. All
    scores go into `state.metrics` under their own names, the chosen one also under the name the metric is attached by.

    Slices of one class cannot tell a better epoch from a worse one, whatever the score. There, and wherever the chosen
    score is undefined, it is NaN and the epoch is compared with no other.

    Args:
        key: the score that decides which epoch is best: a score of `bundle.metrics.slice_scores`, not a count.
        threshold: probability from which a slice counts as positive.
        loss: `(logits, label) -> scalar`, computed once over all slices as `validation_loss`; None for none.

    Raises:
        ValueError: `key` is not a score.

    Example:
        >>> metric = SliceScores("f1")
        >>> metric.update({"pred": torch.tensor([[2.0], [-2.0]]), "label": torch.tensor([[1.0], [0.0]])})
        >>> metric.compute()
        1.0
    """

    def __init__(
        self, key: str = "f1", threshold: float = 0.5, loss: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> None:
        if key not in BinaryScores.names:
            raise ValueError(
                f"key_metric must be one of {sorted(BinaryScores.names)}, got {key!r}: choose one of them."
            )
        self.key = key
        self.threshold = threshold
        self.loss = loss
        self._labels: list[Tensor] = []
        self._logits: list[Tensor] = []
        self._probabilities: list[Tensor] = []
        super().__init__()

    def reset(self) -> None:
        """Forget the last epoch."""
        self._labels, self._logits, self._probabilities = [], [], []

    def update(self, output: Mapping[str, Tensor]) -> None:
        """Keep the labels, logits and probabilities of one batch, on their device."""
        logits = output["pred"].detach().float()
        self._labels.append(output["label"].reshape(len(logits)).detach())
        self._logits.append(logits)
        self._probabilities.append(class_probabilities(logits))

    def scores(self) -> dict[str, float]:
        """Return all scores of the epoch so far."""
        labels = gather(torch.cat(self._labels))
        probabilities = gather(torch.cat(self._probabilities)).cpu().numpy()
        scores = slice_scores(labels.cpu().numpy().astype(np.int64), probabilities, self.threshold)
        if self.loss is not None:
            scores["validation_loss"] = float(self.loss(gather(torch.cat(self._logits)), labels))
        return scores

    def compute(self) -> float:
        """Return the key score, NaN where it is undefined."""
        return self._key_score(self.scores())

    def completed(self, engine: Engine, name: str) -> None:
        """Put all scores into `state.metrics`, the key score under `name`; without one there is nothing to compare."""
        scores = self.scores()
        key_score = self._key_score(scores)
        engine.state.metrics.update({**scores, name: key_score})
        engine.state.key_metric_name = None if np.isnan(key_score) else name  # MONAI compares nothing without a name

    def _key_score(self, scores: Mapping[str, float]) -> float:
        has_one_class = np.isnan(scores["auroc"])
        return float("nan") if has_one_class else float(scores[self.key])

    def iteration_completed(self, engine: Engine) -> None:
        """Read the iteration's output."""
        self.update(self._output_transform(engine.state.output))


def gather(values: Tensor) -> Tensor:
    """Return the values of all ranks; their number may differ between ranks."""
    gathered: Any = evenly_divisible_all_gather(values, concat=True)
    return gathered
