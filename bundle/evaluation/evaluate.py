"""The whole content of metrics.json."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from bundle.evaluation.maps import MapEvaluation
from bundle.evaluation.slices import SliceEvaluation, counts
from bundle.metrics import Predictions, best_f1_threshold, calibration_scores, slice_scores


def evaluate_predictions(
    test: Predictions,
    validation: Predictions | None = None,
    *,
    train_position: ArrayLike | None = None,
    train_label: ArrayLike | None = None,
    threshold: float | str = "validation",
    top_k: int = 3,
    draws: int = 1000,
    seed: int = 0,
    split_hash: str = "",
) -> dict[str, Any]:
    """Return every score of a test set with 95% intervals from resampling patients, beside its baselines.

    What is chosen (the slice threshold, the thresholds of the volume scores, the cut of the maps) is chosen on
    validation data; nothing is tuned on the test set. A threshold that is given serves slices and volumes alike.

    Args:
        test: the slices to score.
        validation: the slices thresholds are chosen on; None leaves all of them at 0.5.
        train_position: (n,) relative positions of the training slices, see `relative_position`.
        train_label: (n,) their classes; without both, the position baseline is left out.
        threshold: "validation", or a number that was fixed there before.
        top_k: slices in the volumes' top-k mean.
        draws: resamplings of the patients.
        seed: of the resampling.
        split_hash: goes into the result, so that it names the split it belongs to.

    Returns:
        `slice`, `slice_at_0.5`, `per_site`, `volume`, `calibration`, `map`, `intervals` (of slice, volume and map),
        `baselines` (`position`, `centre_prior`, each with intervals and paired difference), `n`, `threshold`,
        `threshold_from`, `split_hash`. Scores without a value are NaN.

    Raises:
        ValueError: `threshold` is another word.

    Example:
        >>> import numpy as np
        >>> names, index, label = np.array(["a", "a", "b", "b"]), np.array([0, 1, 0, 1]), np.array([0, 1, 0, 1])
        >>> test = Predictions(names, names, names, index, label, np.array([0.1, 0.9, 0.2, 0.8]))
        >>> result = evaluate_predictions(test, draws=20)
        >>> result["slice"]["f1"], result["n"]["patients"], result["threshold_from"]
        (1.0, 2, 'default')
    """
    test = test.tidy()
    validation = None if validation is None else validation.tidy()
    fixed, origin = fixed_threshold(threshold, validation)
    of_volumes = fixed if origin == "given" else None
    slices = SliceEvaluation(test, validation, threshold=fixed, volume_threshold=of_volumes, draws=draws, seed=seed)
    volumes, volume_intervals = slices.volumes(top_k)
    result: dict[str, Any] = {
        "slice": slice_scores(test.label, test.probability, fixed),
        "slice_at_0.5": slice_scores(test.label, test.probability, 0.5),
        "per_site": slices.per_site(),
        "volume": volumes,
        "calibration": calibration_scores(test.label, test.probability),
        "map": {},
        "intervals": {"slice": slices.intervals(), "volume": volume_intervals},
        "baselines": {},
        "n": counts(test),
        "threshold": fixed,
        "threshold_from": origin,
        "split_hash": split_hash,
    }
    if train_position is not None and train_label is not None:
        result["baselines"]["position"] = slices.position(train_position, train_label)
    if test.map_scores:
        add_maps(result, MapEvaluation(test, validation, draws=draws, seed=seed))
    return result


def fixed_threshold(threshold: float | str, validation: Predictions | None) -> tuple[float, str]:
    """Return the slice threshold and where it comes from."""
    if not isinstance(threshold, str):
        return float(threshold), "given"
    if threshold != "validation":
        raise ValueError(f"threshold expected a number or 'validation', got {threshold!r}.")
    if validation is None:
        return 0.5, "default"
    return best_f1_threshold(validation.label, validation.probability), "validation"


def add_maps(result: dict[str, Any], maps: MapEvaluation) -> None:
    """Put the map scores into the result."""
    result["map"] = maps.scores()
    result["intervals"]["map"] = maps.intervals()
    if maps.test.prior_map_scores:
        result["baselines"]["centre_prior"] = maps.prior()
