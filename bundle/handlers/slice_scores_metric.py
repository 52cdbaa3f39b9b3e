"""Scores over the slices of an epoch, as MONAI's key metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from ignite.metrics import Metric
from monai.utils import evenly_divisible_all_gather
from torch import Tensor

from bundle.metrics import class_probabilities, slice_scores


class SliceScores(Metric):
    """F1, accuracy, AUROC and the rest over all slices of an epoch; one of them is the key metric.

    An iteration only keeps two small tensors; everything is computed once, when the epoch ends, over all ranks. All
    scores go into `state.metrics` under their own names, the chosen one also under the name the metric is attached by.

    Args:
        key: the score that decides which epoch is best: a key of `bundle.metrics.slice_scores`.
        threshold: probability from which a slice counts as positive.

    Raises:
        ValueError: `key` is not a score.

    Example:
        >>> metric = SliceScores("f1")
        >>> metric.update({"pred": torch.tensor([[2.0], [-2.0]]), "label": torch.tensor([[1.0], [0.0]])})
        >>> metric.compute()
        1.0
    """

    def __init__(self, key: str = "f1", threshold: float = 0.5) -> None:
        choices = slice_scores(np.array([0, 1]), np.array([0.0, 1.0]))
        if key not in choices:
            raise ValueError(f"key_metric must be one of {sorted(choices)}, got {key!r}.")
        self.key = key
        self.threshold = threshold
        self._labels: list[Tensor] = []
        self._probabilities: list[Tensor] = []
        super().__init__()

    def reset(self) -> None:
        """Forget the last epoch."""
        self._labels, self._probabilities = [], []

    def update(self, output: Mapping[str, Tensor]) -> None:
        """Keep the labels and probabilities of one batch, on their device."""
        logits = output["pred"].detach().float()
        self._labels.append(output["label"].reshape(len(logits)).detach())
        self._probabilities.append(class_probabilities(logits))

    def scores(self) -> dict[str, float]:
        """Return all scores of the epoch so far."""
        labels = gather(torch.cat(self._labels)).cpu().numpy().astype(np.int64)
        return slice_scores(labels, gather(torch.cat(self._probabilities)).cpu().numpy(), self.threshold)

    def compute(self) -> float:
        """Return the key score; 0 where it is undefined, so that an epoch with a defined one is better."""
        return _as_key_score(self.scores()[self.key])

    def completed(self, engine: Engine, name: str) -> None:
        """Put all scores into `state.metrics`, the key score under `name` too."""
        scores = self.scores()
        engine.state.metrics.update(scores)
        engine.state.metrics[name] = _as_key_score(scores[self.key])

    def iteration_completed(self, engine: Engine) -> None:
        """Read the iteration's output."""
        self.update(self._output_transform(engine.state.output))


def gather(values: Tensor) -> Tensor:
    """Return the values of all ranks; their number may differ between ranks."""
    gathered: Any = evenly_divisible_all_gather(values, concat=True)
    return gathered


def _as_key_score(score: float) -> float:
    """Return the score, or 0 where it is not defined."""
    return 0.0 if np.isnan(score) else float(score)
