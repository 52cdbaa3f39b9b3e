"""Uncertainty of a classifier about a scan: which unlabeled scan a person should label next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import entropy

from bundle.metrics import relative_position
from bundle.probabilities.calibration import ScoreCalibration, logits_of


def label_entropy(probability: ArrayLike) -> NDArray:
    """Return the entropy of each slice's label, from 0 (certain) to 1 (any class is as likely as another).

    Args:
        probability: (n,) or (n, 1) of the positive class, or (n, K) of K classes.

    Returns:
        (n,) float64, in units of log K: bits for two classes.

    Raises:
        ValueError: a probability is not finite or not in [0, 1].

    Source:
        Settles, Active Learning Literature Survey, 2009, section 3.1.

    Example:
        >>> label_entropy([0.0, 0.5, 1.0]), label_entropy([[0.25, 0.25, 0.25, 0.25]])
        (array([0., 1., 0.]), array([1.]))
    """
    values = np.asarray(probability, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("probability must be numbers from 0 to 1, got others: check whether training diverged.")
    values = values.reshape(len(values), -1)
    each = np.column_stack([values, 1 - values]) if values.shape[1] == 1 else values
    return np.asarray(entropy(each, base=each.shape[1], axis=1))


def calibrated(probability: ArrayLike, slice_index: ArrayLike, calibration: Mapping[str, Any] | None) -> NDArray:
    """Return the probabilities of one scan's slices after a calibration.

    Args:
        probability: (D,) of the positive class.
        slice_index: (D,) positions in the scan.
        calibration: entries of a `ScoreCalibration`; None and nothing change nothing.

    Raises:
        ValueError: an entry is unknown or malformed.

    Example:
        >>> calibrated([0.5, 0.75], [0, 1], {"slope": 2.0}).round(2)
        array([0.5, 0.9])
    """
    if not calibration:
        return np.asarray(probability, dtype=np.float64)
    position = relative_position(np.zeros(len(np.asarray(slice_index))), slice_index)
    return np.asarray(expit(ScoreCalibration.read(calibration)(logits_of(probability)[:, 0], position)))


def scan_uncertainty(probability: ArrayLike, count: int = 10) -> float:
    """Return the mean label entropy of a scan's least certain slices.

    Both ends of a lesion are uncertain in nearly every scan, so a mean of very few slices is near 1 for all of them.

    Args:
        probability: see `label_entropy`; without blank slices, of which nothing can be learned.
        count: slices in the mean; a scan of fewer has the mean of all, and one without any slice has 0.

    Raises:
        ValueError: `count` is below 1, or see `label_entropy`.

    Example:
        >>> scan_uncertainty([0.5, 0.5, 0.0, 1.0], count=2), scan_uncertainty([0.5, 0.5, 0.0, 1.0], count=4)
        (1.0, 0.5)
    """
    if count < 1:
        raise ValueError(f"count must be at least 1 slice, got {count}: 10 is the default.")
    values = np.sort(label_entropy(probability))[-count:] if len(np.asarray(probability)) else np.zeros(1)
    return float(values.mean())


def label_map_disagreement(positive: Sequence[bool] | NDArray, seen: Sequence[bool] | NDArray) -> float:
    """Return the share of slices where label and map disagree, among those where one of them sees something.

    Args:
        positive: (D,) whether the slice's label is positive.
        seen: (D,) whether the map, or a finding made of it, shows something in the slice.

    Returns:
        1 minus the intersection over union of both sets of slices; 0 where both are empty.

    Example:
        >>> label_map_disagreement([True, True, False], [True, False, False]), label_map_disagreement([False], [False])
        (0.5, 0.0)
    """
    one, other = np.asarray(positive, dtype=bool), np.asarray(seen, dtype=bool)
    either = int((one | other).sum())
    return float((one ^ other).sum() / either) if either else 0.0
