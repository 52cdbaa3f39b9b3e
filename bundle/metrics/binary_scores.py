"""Scores of a binary classifier on weighted samples, and the patients that it misses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

_FALSE_ALARMS = 0.1
"""Largest share of negatives called positive in `sensitivity_at_90_specificity`."""
LOWER_IS_BETTER = (
    "patients_missed_share",
    "patients_missed_share_at_0.5",
    "patients_missed_share_at_90_specificity",
)
"""Scores of which a smaller one is better; of all others a larger one."""


class BinaryScores:
    """Computes F1, accuracy, AUROC and the rest for any weights of the same samples.

    `sensitivity_at_90_specificity` is the largest sensitivity that any threshold reaches with a specificity of 0.9 or
    more, as in torchmetrics: a point of the ROC curve, so it depends on no threshold.

    Everything that does not depend on the weights (above all the sort) is computed once, so a bootstrap with a thousand
    resamples costs a thousand cumulative sums. A weight of 2 counts a sample twice, a weight of 0 leaves it out.

    Scores without a value are NaN: AUROC and both specificities need a negative; AUROC, average precision, F1 and both
    sensitivities need a positive; Cohen's kappa needs two classes among labels and predictions.

    Args:
        labels: (n,), true for the positive class.
        scores: (n,), larger is more positive; only their order counts.
        predicted: (n,), true where the classifier predicts the positive class.

    Example:
        >>> scores = BinaryScores(np.array([True, False]), np.array([0.9, 0.2]), np.array([True, True]))
        >>> scores(np.array([1.0, 3.0]))["accuracy"]
        0.25
    """

    names = (
        *("f1", "accuracy", "auroc", "average_precision", "cohen_kappa", "sensitivity", "specificity"),
        "sensitivity_at_90_specificity",
    )

    def __init__(self, labels: NDArray, scores: NDArray, predicted: NDArray) -> None:
        self._labels = labels.astype(np.float64)
        self._predicted = predicted.astype(np.float64)
        self._order = np.argsort(-scores, kind="stable")
        ranked = scores[self._order]
        # Equal scores are one step of the curves: only the last sample of each run of ties is a corner.
        self._corners = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])

    def __call__(self, weights: NDArray) -> dict[str, float]:
        """Return the scores for `weights` (n,)."""
        positive, predicted_positive, true_positives = self._counts(weights)
        negative = float(weights.sum()) - positive
        agreed = negative - predicted_positive + 2 * true_positives
        auroc, average_precision, at_specificity = self._curves(weights, positive, negative)
        values = (
            self.f1(weights),
            ratio(agreed, positive + negative),
            auroc,
            average_precision,
            _kappa(positive=positive, negative=negative, predicted_positive=predicted_positive, agreed=agreed),
            ratio(true_positives, positive),
            ratio(negative - predicted_positive + true_positives, negative),
            at_specificity,
        )
        return dict(zip(self.names, values, strict=True))

    def f1(self, weights: NDArray) -> float:
        """Return F1 alone, without the curves that cost most of a call."""
        positive, predicted_positive, true_positives = self._counts(weights)
        return ratio(2 * true_positives, predicted_positive + positive) if positive else float("nan")

    def _counts(self, weights: NDArray) -> tuple[float, float, float]:
        """Return the weighted numbers of positives, predicted positives and true positives."""
        both = self._labels * self._predicted
        return float(weights @ self._labels), float(weights @ self._predicted), float(weights @ both)

    def _curves(self, weights: NDArray, positive: float, negative: float) -> tuple[float, float, float]:
        """Return the areas under the ROC curve (trapezoids) and the precision-recall steps, and a point of the ROC."""
        weights, labels = weights[self._order], self._labels[self._order]
        predicted_positive = np.cumsum(weights)[self._corners]
        true_positives = np.cumsum(weights * labels)[self._corners]
        false_positives = predicted_positive - true_positives
        gained = np.diff(true_positives, prepend=0.0)
        area = np.diff(false_positives, prepend=0.0) @ (true_positives - gained / 2)
        precision = np.divide(
            true_positives, predicted_positive, out=np.zeros_like(true_positives), where=predicted_positive > 0
        )
        allowed = np.searchsorted(false_positives, _FALSE_ALARMS * negative * (1 + 1e-12), side="right")
        found = float(true_positives[allowed - 1]) if allowed else 0.0
        at_specificity = ratio(found, positive) if negative else float("nan")
        return ratio(float(area), positive * negative), ratio(float(gained @ precision), positive), at_specificity


def ratio(part: float, whole: float) -> float:
    """Return part / whole, NaN for an empty whole."""
    return part / whole if whole else float("nan")


def _kappa(*, positive: float, negative: float, predicted_positive: float, agreed: float) -> float:
    """Return Cohen's kappa: agreement beyond chance over the largest agreement beyond chance."""
    total = positive + negative
    by_chance = ratio(positive * predicted_positive + negative * (total - predicted_positive), total)
    return ratio(agreed - by_chance, total - by_chance)


class MissedPatients:
    """Computes the share of positive patients without a slice that is called positive, for any weights of the slices.

    A patient is positive if any slice is. Such a patient is missed whole: nobody would look at the scan.

    Args:
        patients: (n,) the patient of each slice.
        labels: (n,), true for a positive slice.
        predicted: (n,), true where a slice is called positive, right or wrong.

    Example:
        >>> missed = MissedPatients(["a", "a", "b", "c"], [True, False, True, False], [False, True, False, True])
        >>> missed.counts, missed(np.ones(4))
        ({'patients_missed': 1, 'patients_positive': 2}, {'patients_missed_share': 0.5})
    """

    def __init__(self, patients: ArrayLike, labels: ArrayLike, predicted: ArrayLike) -> None:
        self._first, highest = _positive_patients(patients, labels, np.asarray(predicted) > 0)
        self._missed = highest < 1

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of positive patients that are missed, and of all."""
        return {"patients_missed": int(self._missed.sum()), "patients_positive": len(self._missed)}

    def __call__(self, weights: NDArray) -> dict[str, float]:
        """Return the share for `weights` (n,), which are equal within a patient; NaN without a positive patient."""
        of_patient = weights[self._first]
        return {"patients_missed_share": ratio(float(of_patient @ self._missed), float(of_patient.sum()))}


class MissedAtSpecificity:
    """Computes the share of positive patients missed whole where 10% of the negative slices are called positive.

    All classifiers then raise as many false alarms, so that their missed patients can be compared: at thresholds of
    their own one that calls more slices positive misses fewer.

    Args:
        patients: (n,) the patient of each slice.
        labels: (n,), true for a positive slice.
        scores: (n,), larger is more positive; only their order counts.

    Example:
        >>> missed = MissedAtSpecificity(["a", "a", "b", "c"], [True, False, True, False], [0.9, 0.2, 0.3, 0.6])
        >>> missed.counts, missed(np.ones(4))
        ({'patients_missed_at_90_specificity': 1}, {'patients_missed_share_at_90_specificity': 0.5})
    """

    def __init__(self, patients: ArrayLike, labels: ArrayLike, scores: ArrayLike) -> None:
        positive, score = np.asarray(labels) > 0, np.asarray(scores, dtype=np.float64)
        self._first, self._highest = _positive_patients(patients, positive, score)
        negative = np.flatnonzero(~positive)
        self._negative = negative[np.argsort(-score[negative], kind="stable")]
        self._false_alarms = score[self._negative]
        self._slices = len(score)

    @property
    def counts(self) -> dict[str, int]:
        """The number of positive patients that are missed; nothing where no slice is negative."""
        if not len(self._negative):
            return {}
        return {"patients_missed_at_90_specificity": int(self._missed(np.ones(self._slices)).sum())}

    def __call__(self, weights: NDArray) -> dict[str, float]:
        """Return the share for `weights` (n,), equal within a patient; NaN without a positive and a negative."""
        of_patient, share = weights[self._first], float("nan")
        if weights[self._negative].sum():
            share = ratio(float(of_patient @ self._missed(weights)), float(of_patient.sum()))
        return {"patients_missed_share_at_90_specificity": share}

    def _missed(self, weights: NDArray) -> NDArray:
        """Return which positive patients have no score above that of the first false alarm too many."""
        alarms = np.cumsum(weights[self._negative])
        allowed = np.searchsorted(alarms, _FALSE_ALARMS * alarms[-1] * (1 + 1e-12), side="right")
        return self._highest <= self._false_alarms[allowed]


def _positive_patients(patients: ArrayLike, labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray, NDArray]:
    """Return a slice of each positive patient, as all slices of a patient have its weight, and its highest score."""
    slices = pd.DataFrame({"positive": np.asarray(labels) > 0, "score": np.asarray(scores, dtype=np.float64)})
    each = slices.reset_index().groupby(np.asarray(patients), sort=False)
    table = each.agg(first=("index", "first"), positive=("positive", "any"), highest=("score", "max"))
    table = table[table["positive"].to_numpy(dtype=bool)]
    return table["first"].to_numpy(dtype=np.int64), table["highest"].to_numpy()
