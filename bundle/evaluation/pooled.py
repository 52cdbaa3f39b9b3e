"""Scores of several runs pooled: the folds of a cross-validation, or seeds on one test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import (
    BinaryScores,
    Difference,
    Interval,
    MapScorer,
    MissedAtSpecificity,
    MissedPatients,
    Predictions,
    cluster_bootstrap,
    holm,
    paired_difference,
)

RANKING = ("auroc", "average_precision", "sensitivity_at_90_specificity")
"""Scores of the order of slices by probability, which need no threshold."""


class PooledRuns:
    """Test predictions of several runs, each at the threshold of its own validation data.

    Slices of all runs are scored together; intervals come from resampling patients, so a patient that several seeds
    tested is drawn with all of them. F1, accuracy, kappa and the share of positive patients that are missed whole use
    each run's threshold, names with `_at_0.5` use 0.5; AUROC, average precision and scores at 90% specificity rank the
    slices of all runs by probability, so differently calibrated runs lower them: see `AveragedRuns`.

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
        called = [run.probability >= threshold for run, threshold in zip(self.runs, thresholds, strict=True)]
        probability, positive = self._joined("probability"), np.concatenate(called)
        self._score = BinaryScores(self._label, probability, positive)
        self._at_half = BinaryScores(self._label, probability, probability >= 0.5)
        # a patient of several seeds is found or missed once by each
        patients = np.concatenate([np.char.add(f"{number} ", run.patient) for number, run in enumerate(self.runs)])
        self._missed = MissedPatients(patients, self._label, positive)
        self._missed_at_half = MissedPatients(patients, self._label, probability >= 0.5)
        self._missed_at_specificity = MissedAtSpecificity(patients, self._label, probability)
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
        missed, missed_at_half = self._missed(weights), self._missed_at_half(weights)["patients_missed_share"]
        at_half = {"f1_at_0.5": self._at_half.f1(weights), "patients_missed_share_at_0.5": missed_at_half}
        return self._score(weights) | missed | at_half | self._missed_at_specificity(weights) | maps

    def missed(self) -> dict[str, str]:
        """Return the shares of missed patients as counts of all runs, "3 of 50"."""
        at_specificity = self._missed_at_specificity.counts.get("patients_missed_at_90_specificity")
        numbers = {
            "patients_missed_share": self._missed.counts["patients_missed"],
            "patients_missed_share_at_0.5": self._missed_at_half.counts["patients_missed"],
            "patients_missed_share_at_90_specificity": at_specificity,
        }
        positive = self._missed.counts["patients_positive"]
        return {name: f"{number} of {positive}" for name, number in numbers.items() if number is not None}

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


class AveragedRuns(PooledRuns):
    """Several runs, each scored alone: the mean of their AUROC, average precision and sensitivity at 90% specificity.

    No run's probabilities are compared with another's. Resampling patients may leave a run without a positive or a
    negative slice; the mean is then over the other runs.

    Args:
        runs: test predictions, in the same order for every row of a table.

    Example:
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> run = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> other = Predictions(names, names, names, index, label, np.array([0.01, 0.09, 0.02, 0.08]))
        >>> PooledRuns([run, other], [0.5, 0.05]).scores()["auroc"], AveragedRuns([run, other]).scores()["auroc"]
        (0.75, 1.0)
    """

    def __init__(self, runs: Sequence[Predictions]) -> None:
        super().__init__(runs, [0.5] * len(runs))
        self._alone = [BinaryScores(run.label > 0, run.probability, run.probability >= 0.5) for run in self.runs]
        self._ends = np.cumsum([len(run) for run in self.runs])[:-1]

    def scores(self, weights: NDArray | None = None) -> dict[str, float]:
        """Return the means over the runs for weights (n,), or for each slice once."""
        weights = np.ones(len(self._label)) if weights is None else weights
        each = [score(part) for score, part in zip(self._alone, np.split(weights, self._ends), strict=True)]
        values = {name: np.array([found[name] for found in each]) for name in RANKING}
        return {
            name: float(of[~np.isnan(of)].mean()) if (~np.isnan(of)).any() else np.nan for name, of in values.items()
        }


def _same_slices(run: Predictions, reference: Predictions) -> bool:
    columns = ("case", "slice_index", "label")
    return all(np.array_equal(getattr(run, name), getattr(reference, name)) for name in columns)


def corrected(differences: Mapping[str, Mapping[str, Difference]], score: str) -> dict[str, float]:
    """Return row -> p-value of one score, corrected (Holm) for the number of compared rows."""
    return holm({row: scores[score].p_value for row, scores in differences.items() if score in scores})
