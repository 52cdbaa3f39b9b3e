"""Lines that an evaluation prints: its scores beside baselines that look at no pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bundle.reports.tables import Table, score_text

_SLICES = {
    "f1": "F1",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "sensitivity_at_90_specificity": "sens. at 90% spec.",
}
_MAPS = {"pointing_game": "hits lesion", "energy_ratio": "energy ratio", "iou": "IoU"}
_ORIGINS = {
    "validation": "chosen on validation slices",
    "given": "as given",
    "default": "because validation slices leave no choice",
}
_CLEAR = 0.05
"""Largest p-value, uncorrected, of a clear difference."""


def evaluation_summary(metrics: Mapping[str, Any]) -> list[str]:
    """Return counts, threshold, a table of scores with 95% intervals, and what the baselines say about them.

    Args:
        metrics: from `bundle.evaluation.evaluate_predictions`.

    Example:
        >>> import numpy as np
        >>> from bundle.evaluation import evaluate_predictions
        >>> from bundle.metrics import Predictions
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> test = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> for line in evaluation_summary(evaluate_predictions(test, n_resamples=20)):
        ...     print(line)
        Test: 4 slices (2 positive) of 2 volumes, 2 patients.
        A slice is positive from 0.5, because validation slices leave no choice; a volume from 0.5.
        slices                                F1                 AUROC     average precision    sens. at 90% spec.
        model               1.000 [1.000, 1.000]  1.000 [1.000, 1.000]  1.000 [1.000, 1.000]  1.000 [1.000, 1.000]
        volumes                               F1                 AUROC     average precision    sens. at 90% spec.
        highest slice       1.000 [1.000, 1.000]                   n/a  1.000 [1.000, 1.000]                   n/a
        Patients missed whole: 0 of 2, 0.000 [0.000, 0.000].
        The same at a specificity of 90%: 0.
    """
    n, volume = metrics["n"], metrics["volume"]["max"]
    position, prior = (metrics["baselines"].get(name) for name in ("position", "centre_prior"))
    rows = _rows("slices", _SLICES, {"model": _scored(metrics, "slice"), "position alone": _scored(position, "slice")})
    rows += _rows("maps", _MAPS, {"model": _scored(metrics, "map"), "map of the center": _scored(prior, "map")})
    highest = (volume, metrics["intervals"]["volume"]["max"])
    rows += _rows("volumes", _SLICES, {"highest slice": highest})
    by = _rule(metrics.get("threshold_beta"), metrics.get("threshold_is_expected"))
    return [
        f"Test: {n['slices']} slices ({n['positives']} positive) of {n['cases']} volumes, {n['patients']} patients.",
        f"A slice is positive from {metrics['threshold']:.3g}, {_ORIGINS[metrics['threshold_from']]}{by}; "
        f"a volume from {volume['threshold']:.3g}.",
        *Table(rows[0], rows[1:]).text().splitlines(),
        _missed_patients(metrics, position),
        *_missed_at_specificity(metrics, position),
        *(_verdict("Slice position alone", position, _SLICES) if position else []),
        *(_verdict("A map of the center", prior, _MAPS) if prior else []),
    ]


def _rule(beta: float | None, is_expected: bool | None) -> str:
    """Return by what validation chose the threshold, where that is not the F1 of its labels."""
    score = "F1" if beta in (None, 1) else f"F-score with beta {beta:g}"
    expected = " expected from their probabilities" if is_expected else ""
    return f" by the {score}{expected}" if expected or score != "F1" else ""


_Scored = tuple[Mapping[str, Any], Mapping[str, Any]]


def _scored(found: Mapping[str, Any] | None, part: str) -> _Scored | None:
    """Return scores and intervals of a part, of the model or of a baseline; None where there are none."""
    if not found or not found[part]:
        return None
    return found[part], found["intervals"].get(part, found["intervals"])


def _rows(title: str, names: Mapping[str, str], scored: Mapping[str, _Scored | None]) -> list[tuple[str, ...]]:
    """Return a header and a row for everything that has scores, nothing without any."""
    rows = [
        (name.ljust(18), *(score_text(found[0].get(score, float("nan")), found[1].get(score)) for score in names))
        for name, found in scored.items()
        if found
    ]
    blanks = ("",) * (len(_SLICES) - len(names))  # maps have fewer scores, and all parts are one table
    return [(*row, *blanks) for row in ((title, *names.values()), *rows)] if rows else []


def _missed_patients(metrics: Mapping[str, Any], position: Mapping[str, Any] | None) -> str:
    """Return how many positive patients have no slice from the threshold on, by the model and by position alone."""
    share = "patients_missed_share"

    def text(found: Mapping[str, Any], interval: Sequence[float]) -> str:
        return f"{found['patients_missed']} of {found['patients_positive']}, {score_text(found[share], interval)}"

    line = text(metrics["slice"], metrics["intervals"]["slice"][share])
    beside = f"; position alone {text(position['slice'], position['intervals'][share])}" if position else ""
    return f"Patients missed whole: {line}{beside}."


def _missed_at_specificity(metrics: Mapping[str, Any], position: Mapping[str, Any] | None) -> list[str]:
    """Return the same where both raise as many false alarms; nothing for several classes or without a negative."""
    name = "patients_missed_at_90_specificity"
    if name not in metrics["slice"]:
        return []
    beside = f"; position alone {position['slice'][name]}" if position else ""
    return [f"The same at a specificity of 90%: {metrics['slice'][name]}{beside}."]


def _verdict(baseline: str, found: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Return in which scores the baseline is better than the model, or not clearly worse."""
    gains = {name: found["difference"][score] for score, name in names.items() if score in found["difference"]}
    better = [f"{name} (by {-gain.value:.3f})" for name, gain in gains.items() if gain.value < 0]
    unclear = [
        f"{name} (by {score_text(gain.value, gain[1:3])})"
        for name, gain in gains.items()
        if gain.value >= 0 and not gain.p_value < _CLEAR
    ]
    lines = [f"{baseline} is BETTER than the model in {', '.join(better)}."] if better else []
    if unclear:
        lines.append(f"{baseline} is not clearly worse (p < {_CLEAR}) than the model in {', '.join(unclear)}.")
    return lines or [f"{baseline} is clearly worse (p < {_CLEAR}) than the model in {', '.join(gains)}."]
