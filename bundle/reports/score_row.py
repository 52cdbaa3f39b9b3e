"""One row of a table of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScoreRow:
    """A model or a baseline with its scores, one value per run (seed).

    Args:
        name: what the reader calls it.
        scores: name of the score -> one value per run; a score that does not apply is absent.
        note: a few words under the name.
        is_baseline: what every model must beat and has no network: slice position, centre prior.

    Example:
        >>> ScoreRow("LGM-ViT", {"f1": [0.75, 1.0]}).mean("f1")
        0.875
    """

    name: str
    scores: Mapping[str, Sequence[float]]
    note: str = ""
    is_baseline: bool = False

    def defined(self, score: str) -> list[float]:
        """Return the runs' values of a score that are numbers."""
        values = [value for value in self.scores.get(score, ()) if value is not None]
        return [float(value) for value in values if np.isfinite(value)]

    def mean(self, score: str) -> float:
        """Return the mean over the runs, NaN where no run has a value."""
        values = self.defined(score)
        return float(np.mean(values)) if values else float("nan")
