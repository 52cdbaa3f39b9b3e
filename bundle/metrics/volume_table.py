"""One row per volume out of one row per slice."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics.volume_probability import volume_probability


class VolumeTable(NamedTuple):
    """The volumes of some slices, in the order of their first slice.

    A volume is positive if any labelled slice is; slices without a label (-1) count neither for the label nor for the
    probability, and a volume without labelled slices is left out.

    Example:
        >>> table = VolumeTable.from_slices(["b", "a", "b"], [0, 0, 1], [0.2, 0.1, 0.6])
        >>> list(table.case), list(table.label), list(table.probability["max"])
        (['b', 'a'], [1, 0], [0.6, 0.1])
    """

    case: list[str]
    label: list[int]
    probability: dict[str, list[float]]
    first: NDArray
    """Index of the volume's first labelled slice: where to look up its patient and site."""

    @classmethod
    def from_slices(cls, cases: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, top_k: int = 3) -> VolumeTable:
        """Gather slices by `cases` (n,); `labels` (n,), `probabilities` (n,) or (n, K)."""
        cases, labels, probabilities = np.asarray(cases), np.asarray(labels), np.asarray(probabilities)
        labelled = np.flatnonzero(labels != IGNORED_LABEL)
        names, first, place = np.unique(cases[labelled], return_index=True, return_inverse=True)
        members = np.split(labelled[np.argsort(place, kind="stable")], np.bincount(place).cumsum()[:-1])
        by_first = np.argsort(first)
        rows = [volume_probability(probabilities[members[i]], top_k) for i in by_first]
        return cls(
            case=[str(names[i]) for i in by_first],
            label=[int((labels[members[i]] > 0).any()) for i in by_first],
            probability={how: [row[how] for row in rows] for how in volume_probability([])},
            first=labelled[first[by_first]],
        )
