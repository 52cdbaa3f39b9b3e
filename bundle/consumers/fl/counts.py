"""Counts in which slices leave a hospital: how many positive and negative ones have a value, and what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bundle.keys import IGNORED_LABEL
from bundle.metrics import (
    BEST_F1,
    F1Threshold,
    Predictions,
    VolumeTable,
    best_f1_threshold,
    chosen_threshold,
    slice_scores,
)

STEPS = 1000
"""Values from 0 to 1 are counted in steps of a thousandth."""
Counts = Sequence[Sequence[int]]
"""Two lists of STEPS + 1: of the negatives and of the positives."""


def counted(values: ArrayLike, labels: ArrayLike) -> list[list[int]]:
    """Return how many negatives and positives have each value, rounded to a thousandth.

    Args:
        values: (n,) from 0 to 1.
        labels: (n,), positive above 0, -1 is left out.

    Example:
        >>> negatives, positives = counted([0.25, 0.25, 0.9], [0, 0, 1])
        >>> negatives[250], positives[900], sum(positives)
        (2, 1, 1)
    """
    values, labels = np.asarray(values, dtype=np.float64), np.asarray(labels)
    steps = np.floor(values * STEPS + 0.5).astype(np.int64)  # so that a threshold between two steps moves no slice
    sides = [(labels != IGNORED_LABEL) & (labels <= 0), labels > 0]
    return [np.bincount(steps[side], minlength=STEPS + 1).tolist() for side in sides]


def spread(counts: Counts) -> tuple[NDArray, NDArray]:
    """Return the values and labels that were counted, as far as a thousandth tells.

    Example:
        >>> values, labels = spread(counted([0.25, 0.9], [0, 1]))
        >>> values.tolist(), labels.tolist()
        ([0.25, 0.9], [0, 1])
    """
    table = np.asarray(counts, dtype=np.int64)
    values = [np.repeat(np.arange(STEPS + 1) / STEPS, side) for side in table]
    return np.concatenate(values), np.repeat([0, 1], table.sum(axis=1))


def added(parts: Iterable[Counts]) -> list[list[int]]:
    """Return the sum of the counts of several sites."""
    total: list[list[int]] = np.sum([np.zeros((2, STEPS + 1), np.int64), *map(np.asarray, parts)], axis=0).tolist()
    return total


def counts_of(part: str, predictions: Predictions | None) -> dict[str, list[list[int]]]:
    """Return the counts of a part's slices and of its volumes' highest probabilities, empty without predictions.

    Args:
        part: "validation" or "test".
        predictions: probabilities (n,) of one class.
    """
    if predictions is None:
        return {}
    found = predictions.sorted_unique()
    volumes = VolumeTable.from_slices(found.case, found.label, found.probability)
    return {
        f"{part}_slices": counted(found.probability, found.label),
        f"{part}_volumes": counted(volumes.probability["max"], volumes.label),
    }


def pooled_metrics(
    counts: Mapping[str, Counts],
    patients: int = 0,
    sites: int = 0,
    threshold: float | str = "validation",
    rule: F1Threshold = BEST_F1,
) -> dict[str, Any]:
    """Return content for metrics.json from the counts of all sites: thresholds from validation, scores of test.

    Patients cannot be drawn from counts, so there are no intervals. The thresholds are chosen on the validation slices,
    and volumes, of all sites together.

    Args:
        counts: sums over the sites, as `counts_of` names them.
        patients: in all test sets.
        sites: that were counted.
        threshold: number that was chosen before, of slices and volumes, or "validation".
        rule: finds the threshold of the slices.

    Example:
        >>> names = np.array(["a", "a", "b", "b"])
        >>> label, probability = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
        >>> found = Predictions(names, names, names, np.arange(4), label, probability)
        >>> metrics = pooled_metrics({**counts_of("validation", found), **counts_of("test", found)}, patients=2)
        >>> metrics["threshold"], metrics["slice"]["f1"], metrics["n"]["cases"]
        (0.5, 1.0, 2)
    """
    empty = added([])
    (slices, slice_labels), (volumes, volume_labels) = (
        spread(counts.get(f"validation_{what}", empty)) for what in ("slices", "volumes")
    )
    fixed, origin = chosen_threshold(threshold, slice_labels, slices, rule)
    volume_threshold = fixed if origin == "given" else best_f1_threshold(volume_labels, volumes, default=fixed)
    tested, labels = spread(counts.get("test_slices", empty))
    tested_volumes, labels_of_volumes = spread(counts.get("test_volumes", empty))
    volume_scores = slice_scores(labels_of_volumes, tested_volumes, volume_threshold)
    return {
        "slice": slice_scores(labels, tested, fixed) if len(labels) else {},
        "volume": {"max": {**(volume_scores if len(labels) else {}), "threshold": volume_threshold}},
        "n": {
            **{"slices": len(labels), "positives": int(labels.sum()), "cases": len(labels_of_volumes)},
            **{"patients": patients, "sites": sites},
        },
        "threshold": fixed,
        "threshold_from": origin,
        "threshold_is_expected": rule.expected if origin == "validation" else None,
        "threshold_beta": rule.beta if origin == "validation" else None,
    }
