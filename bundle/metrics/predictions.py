"""Predictions of a classifier as columns, one row per slice, and the quantities derived from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from bundle.keys import IGNORED_LABEL

Array = TypeVar("Array", NDArray, Tensor)


@dataclass(frozen=True)
class Predictions:
    """Slices as columns of equal length; scores, files and reports are made from them.

    Args:
        case: (n,) names.
        patient: (n,) names; intervals come from resampling them.
        site: (n,) names.
        slice_index: (n,) position in the volume, from 0.
        label: (n,) classes, -1 where unknown.
        probability: (n,) of the positive class, or (n, K).
        map_scores: arrays of `bundle.metrics.map_scores`, (n,) or (n, T), NaN for slices without a mask.
        prior_map_scores: the same for the center prior.
        position_only: (n,) probabilities of `position_baseline`, or None.
        logit: (n, K) outputs of the network, which files do not hold, or None.

    Raises:
        ValueError: columns of different length.

    Example:
        >>> names = np.array(["a", "a", "a"])
        >>> probability = np.array([0.1, 0.9, 0.5])
        >>> slices = Predictions(names, names, names, np.array([0, 1, 2]), np.array([0, 1, 1]), probability)
        >>> len(slices), slices.position
        (3, array([0. , 0.5, 1. ]))
    """

    case: NDArray
    patient: NDArray
    site: NDArray
    slice_index: NDArray
    label: NDArray
    probability: NDArray
    map_scores: Mapping[str, NDArray] = field(default_factory=dict)
    prior_map_scores: Mapping[str, NDArray] = field(default_factory=dict)
    position_only: NDArray | None = None
    logit: NDArray | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in _columns(self).items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of Predictions must be of equal length, got {lengths}: give one row per slice.")

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.case)

    @property
    def position(self) -> NDArray:
        """(n,) relative position in the volume, 0 for the first and 1 for the last slice (0.5 for a single slice)."""
        return relative_position(self.case, self.slice_index)

    def select(self, chosen: NDArray) -> Predictions:
        """Return the slices `chosen` by a mask or by indices."""
        parts: dict[str, object] = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is None:
                continue
            is_column = isinstance(value, np.ndarray)
            parts[entry.name] = value[chosen] if is_column else {name: part[chosen] for name, part in value.items()}
        return replace(self, **parts)  # type: ignore[arg-type]

    def sorted_unique(self) -> Predictions:
        """Return the slices ordered by case and index, without the duplicates that pad a rank's last batch."""
        table = pd.DataFrame({"case": self.case, "slice": self.slice_index, "unknown": self.label == IGNORED_LABEL})
        kept = table.sort_values(["case", "slice", "unknown"]).drop_duplicates(
            ["case", "slice"]
        )  # labeled copies first
        return self.select(kept.index.to_numpy())

    def with_iou_at(self, index: int, prior_index: int) -> Predictions:
        """Return the predictions with one IoU per slice: at the thresholds chosen for the maps and for the prior."""
        return replace(
            self,
            map_scores=_at_threshold(self.map_scores, index),
            prior_map_scores=_at_threshold(self.prior_map_scores, prior_index),
        )


def relative_position(cases: ArrayLike, slice_index: ArrayLike) -> NDArray:
    """Return 0 for the first and 1 for the last slice of each volume, 0.5 for a volume of one slice.

    Args:
        cases: (n,) name or number of each slice's volume; the last slice of a volume must be among them.
        slice_index: (n,) from 0.

    Returns:
        (n,) float64.

    Example:
        >>> relative_position(["a", "b", "a", "a"], [0, 0, 1, 2])
        array([0. , 0.5, 0.5, 1. ])
    """
    index = np.asarray(slice_index, dtype=np.float64)
    last = pd.Series(index).groupby(np.asarray(cases), sort=False).transform("max").to_numpy()
    return np.divide(index, last, out=np.full(len(index), 0.5), where=last > 0)


def class_probabilities(logits: Tensor) -> Tensor:
    """Return the probabilities of a batch of logits: sigmoid of a single logit, softmax of K.

    Slices with a logit of NaN or infinity get NaN, which whoever scores or writes probabilities refuses.

    Shapes:
        (B, 1) -> (B,); (B, K) -> (B, K).

    Example:
        >>> class_probabilities(torch.zeros(2, 1)), class_probabilities(torch.zeros(1, 2))
        (tensor([0.5000, 0.5000]), tensor([[0.5000, 0.5000]]))
    """
    probabilities = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
    probabilities = probabilities.where(logits.isfinite().all(dim=1, keepdim=True), torch.nan)
    return probabilities.squeeze(1) if logits.shape[1] == 1 else probabilities


def foreground_probability(probability: Array) -> Array:
    """Return the probability of any class but the background, for NumPy arrays and tensors.

    Args:
        probability: (n,) or (n, 1) of the positive class, or (n, K) of K classes, where class 0 is background.

    Returns:
        (n,) of the same type.

    Example:
        >>> foreground_probability(np.array([[0.75, 0.25, 0.0]]))
        array([0.25])
    """
    if probability.ndim == 1:
        return probability
    return probability[:, 0] if probability.shape[1] == 1 else 1 - probability[:, 0]


def _columns(predictions: Predictions) -> dict[str, NDArray]:
    """Return all columns under one name each."""
    columns = {entry.name: getattr(predictions, entry.name) for entry in fields(predictions)}
    groups = {name: columns.pop(name) for name in ("map_scores", "prior_map_scores")}
    columns = {name: column for name, column in columns.items() if column is not None}
    return columns | {f"{group}.{name}": column for group, scores in groups.items() for name, column in scores.items()}


def _at_threshold(scores: Mapping[str, NDArray], index: int) -> dict[str, NDArray]:
    """Return the scores with each curve (n, T) replaced by its value at one threshold, (n,)."""
    return {name: column[:, index] if column.ndim == 2 else column for name, column in scores.items()}
