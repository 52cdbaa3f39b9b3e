"""Batches of consecutive slices of one scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bundle.data.batch_order import chunks, require_fraction, surplus


class ScanOrder:
    """Scans shuffled, slices not: a batch holds consecutive slices of one scan, the scan's last batch may be short.

    Args:
        min_last_fraction: a scan whose last batch would hold less than this fraction of a full one is cropped, from a
            random start, so that it has none; a scan shorter than one batch is kept whole. None keeps all slices, 0.7
            is the paper's rule for LiTS.

    Raises:
        ValueError: a fraction outside [0, 1].

    Source: training settings of the paper.

    Example:
        >>> batches = ScanOrder()(np.zeros(5), np.array([0, 0, 0, 1, 1]), 2, np.random.default_rng(0))
        >>> sorted(batch.tolist() for batch in batches)
        [[0, 1], [2], [3, 4]]
    """

    def __init__(self, min_last_fraction: float | None = None) -> None:
        self.min_last_fraction = require_fraction(min_last_fraction)

    def __call__(
        self,
        labels: NDArray[np.int16],
        case_of_slice: NDArray[np.int32],
        batch_size: int,
        generator: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        """Return the batches of an epoch as positions of slices."""
        breaks = np.flatnonzero(np.diff(case_of_slice)) + 1
        scans = [scan for scan in np.split(np.arange(len(case_of_slice)), breaks) if len(scan)]
        batches: list[NDArray[np.int64]] = []
        for place in generator.permutation(len(scans)):
            scan = scans[place]
            cropped = surplus(len(scan), batch_size=batch_size, min_last_fraction=self.min_last_fraction)
            start = int(generator.integers(cropped + 1))
            batches += chunks(scan[start : start + len(scan) - cropped], batch_size=batch_size)
        return batches
