"""Scores of several runs pooled: the folds of a cross-validation, or seeds on one test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import (
    BinaryScores,
    Difference,
    Interval,
    MapScorer,
    Predictions,
    cluster_bootstrap,
    holm,
    paired_difference,
)


class PooledRuns:
    """Test predictions of several runs, each at the threshold of its own validation data.

    Slices of all runs are scored together; intervals come from resampling patients, so a patient that several seeds
    tested is drawn with all of them. F1, accuracy and kappa use each run's threshold, `f1_at_0.5` uses 0.5; AUROC and
    average precision rank the slices of all runs by probability, so differently calibrated runs lower them.

    Args:
        runs: test predictions, in the same order for every row of a table.
        thresholds: a number per run.

    Raises:
        ValueError: no run, more or fewer thresholds than runs, or probabilities of several classes.

    Example:
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> run = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> PooledRuns([run, run], [0.5, 0.85]).scores()["f1"]  # two of two, then one of two positives
        0.8571428571428571
    """

    def __init__(self, runs: Sequence[Predictions], thresholds: Sequence[float]) -> None:
        if not runs or len(runs) != len(thresholds):
            raise ValueError(
                f"thresholds must be as many as the runs, at least one, got {len(thresholds)} for {len(runs)} runs: "
                "give every run its own."
            )
        if any(run.probability.ndim > 1 for run in runs):
            raise ValueError(
                "probabilities of pooled runs must be one per slice, got several classes: score each run alone."
            )
        self.runs = [run.select(run.label != IGNORED_LABEL).sorted_unique() for run in runs]
        self._patient = self._joined("patient")
        self._label = self._joined("label") > 0
        predicted_positive = [
            run.probability >= threshold for run, threshold in zip(self.runs, thresholds, strict=True)
        ]
        probability = self._joined("probability")
        self._score = BinaryScores(self._label, probability, np.concatenate(predicted_positive))
        self._at_half = BinaryScores(self._label, probability, probability >= 0.5)
        self._maps = MapScorer(self._shared_map_scores(), self._label)

    def _joined(self, name: str) -> NDArray:
        """Return a column over all runs."""
        return np.concatenate([getattr(run, name) for run in self.runs])

    def _shared_map_scores(self) -> dict[str, NDArray]:
        """Return the map scores that every run has, over all runs."""
        shared = set.intersection(*(set(run.map_scores) for run in self.runs))
        return {name: np.concatenate([run.map_scores[name] for run in self.runs]) for name in sorted(shared)}

    def scores(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return label scores, and map scores as `map_...`, for weights (n,) or for each slice once."""
        weights = np.ones(len(self._label)) if weights is None else weights
        maps = {f"map_{name}": value for name, value in self._maps(weights).items()}
        return self._score(weights) | {"f1_at_0.5": self._at_half.f1(weights)} | maps

    def intervals(self, n_resamples: int = 1000, seed: int = 0) -> dict[str, Interval]:
        """Return the 95% interval of each score."""
        return cluster_bootstrap(self._patient, self.scores, n_resamples, seed)

    def above(self, reference: PooledRuns, n_resamples: int = 1000, seed: int = 0) -> dict[str, Difference]:
        """Return each score minus that of `reference` on the same slices, paired by patient.

        Raises:
            ValueError: the two were not tested on the same slices.
        """
        if len(self.runs) != len(reference.runs) or not all(map(_same_slices, self.runs, reference.runs)):
            raise ValueError(
                f"runs of a paired difference must be on the same slices, got {len(self.runs)} and "
                f"{len(reference.runs)} runs with different slices: give both rows the same repeats."
            )
        return paired_difference(self.scores, reference.scores, self._patient, n_resamples, seed)


def _same_slices(run: Predictions, reference: Predictions) -> bool:
    columns = ("case", "slice_index", "label")
    return all(np.array_equal(getattr(run, name), getattr(reference, name)) for name in columns)


def corrected(differences: dict[str, dict[str, Difference]], score: str) -> dict[str, float]:
    """Return row -> p-value of one score, corrected (Holm) for the number of compared rows."""
    return holm({row: scores[score].p_value for row, scores in differences.items() if score in scores})
