"""What a classifier said about every slice of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL


def relative_position(cases: ArrayLike, slice_index: ArrayLike) -> NDArray:
    """Return 0 for the first and 1 for the last slice of each volume, 0.5 for a lone one.

    Args:
        cases: (n,) name or number of each slice's volume; the last slice of a volume must be among them.
        slice_index: (n,) from 0.

    Example:
        >>> relative_position(["a", "b", "a", "a"], [0, 0, 1, 2])
        array([0. , 0.5, 0.5, 1. ])
    """
    index = np.asarray(slice_index, dtype=np.float64)
    names, place = np.unique(np.asarray(cases), return_inverse=True)
    last = np.zeros(len(names))
    np.maximum.at(last, place, index)
    return np.divide(index, last[place], out=np.full(len(index), 0.5), where=last[place] > 0)


@dataclass(frozen=True)
class Predictions:
    """Slices as columns of equal length; scores, files and reports are made from them.

    Args:
        case: (n,) names.
        patient: (n,) names; they are resampled for intervals.
        site: (n,) names.
        slice_index: (n,) position in the volume, from 0.
        label: (n,) classes, -1 where unknown.
        probability: (n,) of the positive class, or (n, K).
        map_scores: arrays of `bundle.metrics.map_scores`, (n,) or (n, T), NaN for slices without a mask.
        prior_map_scores: the same for the centre prior.
        position_only: (n,) what `position_baseline` says, or None.

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

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in columns(self).items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"Predictions expected columns of equal length, got {lengths}.")

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.case)

    @property
    def position(self) -> NDArray:
        """(n,) relative position in the volume, 0 for the first and 1 for the last slice (0.5 for a lone one)."""
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

    def with_iou_at(self, index: int, prior_index: int) -> Predictions:
        """Return the predictions with one IoU per slice: at the cuts that validation fixed for maps and prior."""
        return replace(
            self,
            map_scores=cut(self.map_scores, index),
            prior_map_scores=cut(self.prior_map_scores, prior_index),
        )

    def tidy(self) -> Predictions:
        """Return the slices ordered by case and index, each once: what fills a rank's batch is dropped."""
        order = np.lexsort((self.label == IGNORED_LABEL, self.slice_index, self.case))  # labelled copies first
        ordered = self.select(order)
        new_case = ordered.case[1:] != ordered.case[:-1]
        new_slice = ordered.slice_index[1:] != ordered.slice_index[:-1]
        return ordered.select(np.append(True, new_case | new_slice)[: len(order)])


def columns(predictions: Predictions) -> dict[str, NDArray]:
    """Return all columns under one name each."""
    plain = {entry.name: getattr(predictions, entry.name) for entry in fields(predictions)}
    maps = {name: plain.pop(name) for name in ("map_scores", "prior_map_scores")}
    plain = {name: column for name, column in plain.items() if column is not None}
    return plain | {f"{group}.{name}": column for group, found in maps.items() for name, column in found.items()}


def cut(scores: Mapping[str, NDArray], index: int) -> dict[str, NDArray]:
    """Return the scores with curves (n, T) read at one place, (n,)."""
    return {name: column[:, index] if column.ndim == 2 else column for name, column in scores.items()}
