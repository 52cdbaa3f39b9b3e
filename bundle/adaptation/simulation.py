"""Simulation of an adaptation: scores at the new hospital if only k of its scans had been labeled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from bundle.metrics import Predictions, SliceScorer, expected_f1_threshold
from bundle.probabilities import ScoreCalibration, fitted, logits_of

SCORES = ("f1", "sensitivity", "specificity", "auroc")


class Adaptation(NamedTuple):
    """A calibration, the lowest probability of a positive slice after it, and the beta by which that is chosen."""

    calibration: ScoreCalibration
    threshold: float
    beta: float = 1.0

    def of(self, scans: Predictions) -> Predictions:
        """Return the scans with calibrated probabilities."""
        logits = self.calibration(logits_of(scans.probability)[:, 0], scans.position)
        return replace(scans, probability=expit(logits))

    def with_threshold_for(self, scans: Predictions) -> Adaptation:
        """Return it with the threshold that the calibrated probabilities of the scans give."""
        return self._replace(threshold=expected_f1_threshold(self.of(scans).probability, self.beta))


def adapted(scans: Predictions, labeled: Predictions, start: Adaptation) -> Adaptation:
    """Return the adaptation to scans of which some are labeled; without any it is the start.

    The labels give the calibration, the calibrated probabilities of all scans the threshold.

    Args:
        scans: all slices of the new hospital.
        labeled: those of the labeled scans.
        start: what is used without labels.

    Example:
        >>> names, index, label = np.array(["a"] * 4), np.arange(4), np.array([0, 0, 1, 1])
        >>> slices = Predictions(names, names, names, index, label, np.array([0.5, 0.6, 0.9, 0.95]))
        >>> start = Adaptation(ScoreCalibration(), 0.4)
        >>> adapted(slices, slices.select(label > 1), start).threshold
        0.4
    """
    if not len(labeled):
        return start
    return start._replace(calibration=fitted(labeled, start.calibration)).with_threshold_for(scans)


def simulated(
    scans: Predictions,
    start: Adaptation,
    counts: Sequence[int] = (0, 5, 10, 20),
    *,
    repeats: int = 200,
    seed: int = 0,
) -> dict[int, dict[str, tuple[float, float, float]]]:
    """Return k -> score -> mean, low and high: k patients are labeled at random, all others are scored.

    The interval holds 95% of repeats in which the scored patients are also resampled, so it tells both which scans were
    labeled and who the others are.

    Args:
        scans: slices of the new hospital, all of them labeled.
        start: what is used without labels.
        counts: numbers k of labeled patients; those that leave fewer than two patients to score are left out.
        repeats: draws of k patients.
        seed: of the draws.

    Example:
        >>> names, index = np.repeat(list("abc"), 2), np.array([0, 1] * 3)
        >>> slices = Predictions(names, names, names, index, index, np.array([0.1, 0.9] * 3))
        >>> simulated(slices, Adaptation(ScoreCalibration(), 0.5), [0, 1, 2], repeats=2)[1]["f1"]
        (1.0, 1.0, 1.0)
    """
    draw, patients = np.random.default_rng(seed), np.unique(scans.patient)
    result = {}
    for count in counts:
        if count > len(patients) - 2:
            continue
        found = [_once(scans, start, patients, count, draw) for _ in range(repeats)]
        result[count] = {name: _summary(*zip(*(each[name] for each in found), strict=True)) for name in SCORES}
    return result


def _once(
    scans: Predictions,
    start: Adaptation,
    patients: np.ndarray,
    count: int,
    draw: np.random.Generator,
) -> Mapping[str, tuple[float, float]]:
    """Return score -> its value on the patients that were not drawn, and on a resample of these."""
    drawn = draw.permutation(patients)
    is_labeled = np.isin(scans.patient, drawn[:count])
    adaptation = adapted(scans, scans.select(is_labeled), start)
    rest = adaptation.of(scans.select(~is_labeled))
    scorer, resample = SliceScorer(rest.label, rest.probability, adaptation.threshold), drawn[count:]
    times = dict(zip(*np.unique(draw.choice(resample, len(resample)), return_counts=True), strict=True))
    value, drawn_value = scorer(), scorer(np.array([times.get(patient, 0) for patient in rest.patient], dtype=float))
    return {name: (value[name], drawn_value[name]) for name in SCORES}


def _summary(values: Sequence[float], drawn: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of the values and the bounds of 95% of those of the resamples."""
    if not np.isfinite(drawn).any():
        return (float(np.mean(values)), float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return (float(np.nanmean(values)), float(low), float(high))
