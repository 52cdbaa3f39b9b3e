"""Several runs scored as one: the folds of a cross-validation, or seeds on one test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import BinaryScores, Difference, Interval, MapScorer, Predictions, cluster_bootstrap, holm
from bundle.metrics import paired_difference as difference_of


class PooledRuns:
    """Test predictions of several runs, each called positive at the threshold its own validation fixed.

    Slices of all runs are scored together; intervals come from resampling patients, so a patient that several seeds
    tested is drawn with all of them. F1, accuracy and kappa use each run's threshold, `f1_at_0.5` that fixed one; AUROC
    and average precision order the slices of all runs by probability, so a run that is calibrated differently costs
    them something.

    Args:
        runs: test predictions, in the same order for every row of a table.
        thresholds: one per run.

    Raises:
        ValueError: no run, numbers that do not match, or probabilities of several classes.

    Example:
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> run = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> PooledRuns([run, run], [0.5, 0.85]).scores()["f1"]  # two of two, then one of two positives
        0.8571428571428571
    """

    def __init__(self, runs: Sequence[Predictions], thresholds: Sequence[float]) -> None:
        if not runs or len(runs) != len(thresholds):
            raise ValueError(f"PooledRuns expected runs and as many thresholds, got {len(runs)} and {len(thresholds)}.")
        if any(run.probability.ndim > 1 for run in runs):
            raise ValueError(
                "PooledRuns expected one probability per slice, got several classes: score runs one by one."
            )
        self.runs = [run.select(run.label != IGNORED_LABEL).tidy() for run in runs]
        self.patient = self.joined("patient")
        self.label = self.joined("label") > 0
        called = [run.probability >= threshold for run, threshold in zip(self.runs, thresholds, strict=True)]
        probability = self.joined("probability")
        self._score = BinaryScores(self.label, probability, np.concatenate(called))
        self._at_half = BinaryScores(self.label, probability, probability >= 0.5)
        maps = self.maps("map_scores")
        self._maps = MapScorer(maps, self.label)

    def joined(self, name: str) -> NDArray:
        """Return a column over all runs."""
        return np.concatenate([getattr(run, name) for run in self.runs])

    def maps(self, name: str) -> dict[str, NDArray]:
        """Return the map scores over all runs that every run has."""
        shared = set.intersection(*(set(getattr(run, name)) for run in self.runs))
        return {key: np.concatenate([getattr(run, name)[key] for run in self.runs]) for key in sorted(shared)}

    def scores(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return label scores, and map scores as `map_...`, for weights (n,) or for each slice once."""
        weights = np.ones(len(self.label)) if weights is None else weights
        maps = {f"map_{name}": value for name, value in self._maps(weights).items()}
        return self._score(weights) | {"f1_at_0.5": self._at_half.f1(weights)} | maps

    def intervals(self, draws: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Return the 95% interval of each score."""
        return cluster_bootstrap(self.patient, self.scores, draws, seed)

    def above(self, other: PooledRuns, draws: int = 1000, seed: int = 0) -> dict[str, Difference]:
        """Return how far each score is above that of other runs on the same slices, paired.

        Raises:
            ValueError: the other runs tested other slices.
        """
        mine, theirs = ([(run.case, run.slice_index, run.label) for run in pooled.runs] for pooled in (self, other))
        if len(mine) != len(theirs) or not all(
            np.array_equal(a, b) for one, two in zip(mine, theirs, strict=True) for a, b in zip(one, two, strict=True)
        ):
            raise ValueError("A paired difference expected runs on the same slices: give both rows the same repeats.")
        return difference_of(self.scores, other.scores, self.patient, draws, seed)


def corrected(differences: dict[str, dict[str, Difference]], score: str) -> dict[str, float]:
    """Return row -> p-value of one score, corrected (Holm) for the number of rows that were compared."""
    return holm({row: found[score].p_value for row, found in differences.items() if score in found})
