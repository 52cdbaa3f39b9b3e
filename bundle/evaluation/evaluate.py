"""Content of metrics.json: all scores of a test set, their intervals and baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bundle.evaluation.maps import MapEvaluation
from bundle.evaluation.slices import SliceEvaluation, counts
from bundle.metrics import BEST_F1, F1Threshold, Predictions, calibration_scores, chosen_threshold, slice_scores


def evaluate_predictions(
    test: Predictions,
    validation: Predictions | None = None,
    *,
    train_position: ArrayLike | None = None,
    train_label: ArrayLike | None = None,
    threshold: float | str = "validation",
    top_k: int = 3,
    n_resamples: int = 1000,
    seed: int = 0,
    threshold_rule: F1Threshold = BEST_F1,
    split_hash: str = "",
) -> dict[str, Any]:
    """Return every score of a test set with 95% intervals from resampling patients, beside its baselines.

    All thresholds (of slices, of volumes, of maps) are chosen on validation data; nothing is tuned on the test set. A
    number as `threshold` is used for slices and volumes.

    Args:
        test: the slices to score.
        validation: slices to choose the thresholds on; with None, or with slices of one class, that of the slices is
            0.5. The volumes take over that of the slices where validation volumes are all positive or all negative.
        train_position: (n,) relative positions of the training slices, see `relative_position`.
        train_label: (n,) their classes; the position baseline needs both.
        threshold: "validation", or a number chosen before.
        top_k: slices in the volumes' top-k mean.
        n_resamples: resamples of the patients.
        seed: of the resampling.
        threshold_rule: finds the threshold of the slices on validation slices.
        split_hash: identifies the split, copied into the result.

    Returns:
        `slice`, `slice_at_0.5`, `per_site`, `volume`, `calibration`, `map`, `intervals` (of slice, volume and map),
        `baselines` (`position`, `centre_prior`, each with intervals and paired difference), `n`, `threshold`,
        `threshold_from`, `threshold_is_expected`, `threshold_beta`, `split_hash`. Scores without a value are NaN.

    Raises:
        ValueError: `threshold` is neither a number nor "validation".

    Example:
        >>> import numpy as np
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> test = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> result = evaluate_predictions(test, n_resamples=20)
        >>> result["slice"]["f1"], result["n"]["patients"], result["threshold_from"]
        (1.0, 2, 'default')
    """
    test = test.sorted_unique()
    validation = None if validation is None else validation.sorted_unique()
    nobody = np.zeros(0)
    labels, probabilities = (nobody, nobody) if validation is None else (validation.label, validation.probability)
    fixed, origin = chosen_threshold(threshold, labels, probabilities, threshold_rule)
    resampling: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed}
    rules: dict[str, Any] = {"volume_threshold": fixed if origin == "given" else None, "threshold_rule": threshold_rule}
    slices = SliceEvaluation(test, validation, threshold=fixed, **rules, **resampling)
    volumes, volume_intervals = slices.volumes(top_k)
    result: dict[str, Any] = {
        "slice": slice_scores(test.label, test.probability, fixed, test.patient),
        "slice_at_0.5": slice_scores(test.label, test.probability, 0.5, test.patient),
        "per_site": slices.per_site(),
        "volume": volumes,
        "calibration": calibration_scores(test.label, test.probability),
        "map": {},
        "intervals": {"slice": slices.intervals(), "volume": volume_intervals},
        "baselines": {},
        "n": counts(test),
        "threshold": fixed,
        "threshold_from": origin,
        "threshold_is_expected": threshold_rule.expected if origin == "validation" else None,
        "threshold_beta": threshold_rule.beta if origin == "validation" else None,
        "split_hash": split_hash,
    }
    if train_position is not None and train_label is not None:
        result["baselines"]["position"] = slices.position(train_position, train_label)
    if test.map_scores:
        _add_maps(result, MapEvaluation(test, validation, **resampling))
    return result


def _add_maps(result: dict[str, Any], maps: MapEvaluation) -> None:
    """Put the map scores into the result."""
    result["map"] = maps.scores()
    result["intervals"]["map"] = maps.intervals()
    if maps.test.prior_map_scores:
        result["baselines"]["centre_prior"] = maps.prior()
