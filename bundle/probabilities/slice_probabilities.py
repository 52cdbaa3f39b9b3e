"""The one way from logits to probabilities, shared by evaluation and inference."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import logit
from torch import Tensor

from bundle.keys import IGNORED_LABEL
from bundle.metrics import Predictions, class_probabilities, position_parabola, relative_position, slice_scores
from bundle.probabilities.calibration import ScoreCalibration, logits_of

logger = logging.getLogger(__name__)
_LARGEST = 16.0
"""Bound of the logit of position alone: a fit to few labels that position separates has none."""
_GRID = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
"""Standard deviations in slices that validation chooses from."""


@dataclass(frozen=True)
class SliceProbabilities:
    """Probabilities of the slices of a scan: logits are smoothed along it, joined with position, calibrated, squashed.

    Args:
        smoothing: standard deviation in slices, or "validation" until `chosen_on` gave a number; None smooths nothing.
        calibration: entries of a `ScoreCalibration`, which needs a single logit; None changes nothing.
        position: entries of a `ScoreCalibration` that adds what the position tells, or its weight until `fitted_to`.

    Raises:
        ValueError: an entry is malformed; probabilities are asked for before the smoothing is a number.

    Example:
        >>> SliceProbabilities(smoothing=1.0)(torch.tensor([[-4.0], [4.0], [4.0]])).numpy().round(2)
        array([0.36, 0.86, 0.97], dtype=float32)
    """

    smoothing: float | str | None = None
    calibration: Mapping[str, Any] | None = None
    position: float | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.calibration is not None:
            ScoreCalibration.read(self.calibration)
        if isinstance(self.position, Mapping):
            ScoreCalibration.read(self.position, "slice_position")
        elif self.position is not None and not (_is_number(self.position) and 0 <= self.position < np.inf):
            raise ValueError(
                "slice_position must be a number of at least 0 or the entries that the evaluation wrote into "
                f"metrics.json, got {self.position!r}: 0.25 is a start."
            )

    @property
    def is_plain(self) -> bool:
        """True where each slice's probability is the plain one of its own logits."""
        return not self.smoothing and self.calibration is None and not self.position

    def __call__(self, logits: Tensor, slice_index: ArrayLike | None = None) -> Tensor:
        """Return the probabilities of one scan's slices, see `class_probabilities`.

        Args:
            logits: (D, K).
            slice_index: (D,) positions in the scan; None takes 0 to D - 1.
        """
        if self.is_plain:
            return class_probabilities(logits)
        index = np.arange(len(logits)) if slice_index is None else np.asarray(slice_index, dtype=np.int64)
        values = smoothed(logits.cpu().numpy(), index, self._sigma())
        for name, entries in (("slice_position", self._fitted_position()), ("score_calibration", self.calibration)):
            if entries:
                values = _calibrated(values, index, name, entries)
        return class_probabilities(torch.from_numpy(values)).to(logits)

    def of(self, predictions: Predictions) -> Predictions:
        """Return predictions with the probabilities of every case made anew from their logits."""
        if self.is_plain:
            return predictions
        logits = logits_of(predictions.probability) if predictions.logit is None else predictions.logit
        probability = np.empty(logits.shape[: 1 if logits.shape[1] == 1 else 2])
        for rows in pd.Series(np.arange(len(logits))).groupby(predictions.case).indices.values():
            made = self(torch.from_numpy(logits[rows]), predictions.slice_index[rows])
            probability[rows] = made.numpy()
        return replace(predictions, probability=probability)

    def chosen_on(self, validation: Predictions | None) -> SliceProbabilities:
        """Return the same with the smoothing that has the best average precision on validation slices, if it is open.

        Of equally good ones the smallest is taken, and none where validation slices leave no choice.
        """
        if self.smoothing != "validation":
            return self
        candidates = [replace(self, smoothing=sigma) for sigma in _GRID]
        if validation is None or not (validation.label != IGNORED_LABEL).any():
            return candidates[0]
        found = [one.of(validation) for one in candidates]
        precision = [slice_scores(each.label, each.probability)["average_precision"] for each in found]
        return candidates[int(np.argmax(np.nan_to_num(precision, nan=-1.0)))]

    def fitted_to(self, position: ArrayLike, label: ArrayLike) -> SliceProbabilities:
        """Return the same with the position's entries, if these are open: its weight times the logit of position alone.

        The share of positives is taken off it, as the network's logit holds it. Labels of one class tell nothing.

        Args:
            position: (n,) of the training slices, see `relative_position`.
            label: (n,) their classes, -1 is ignored.

        Example:
            >>> known = SliceProbabilities(position=0.5).fitted_to([0, 0.25, 0.5, 0.75, 1], [0, 1, 1, 1, 0])
            >>> known(torch.zeros(3, 1)).numpy().round(1)
            array([0., 1., 0.], dtype=float32)
        """
        if self.position is None or isinstance(self.position, Mapping):
            return self
        known = np.asarray(label)[np.asarray(label) != IGNORED_LABEL] > 0
        if not self.position or not known.any() or known.all():
            return replace(self, position={})
        parabola, centered = np.array(position_parabola(position, label)), 2 * np.asarray(position) - 1
        highest = np.abs(parabola @ [np.ones_like(centered), centered, centered**2]).max()
        constant, *weights = self.position * parabola * min(1, _LARGEST / highest)
        bias = float(constant - self.position * logit(known.mean()))
        return replace(self, position=ScoreCalibration(bias=bias, position=[float(w) for w in weights]).entries())

    def record(self) -> dict[str, Any]:
        """Return what metrics.json keeps of it: the knobs that make the same probabilities without the data."""
        return {
            "slice_smoothing": self.smoothing,
            "slice_position": self._fitted_position(),
            "score_calibration": self.calibration,
        }

    def _fitted_position(self) -> Mapping[str, Any] | None:
        if self.position and not isinstance(self.position, Mapping):
            logger.warning(
                f"slice_position {self.position:g} is a weight without training slices to fit, so position does not "
                "count: take the entries that the evaluation wrote into metrics.json, or the packed run."
            )
        return self.position if isinstance(self.position, Mapping) and self.position else None

    def _sigma(self) -> float:
        if isinstance(self.smoothing, str):
            raise ValueError(
                f"slice_smoothing must be a number where no validation slices are at hand, got {self.smoothing!r}: "
                "take the number that the evaluation wrote into metrics.json."
            )
        return float(self.smoothing or 0)


def _calibrated(values: NDArray, index: NDArray, name: str, entries: Mapping[str, Any]) -> NDArray:
    """Return calibrated logits (D, 1)."""
    if values.shape[1] > 1:
        raise ValueError(
            f"{name} must be null for a network of several classes, got {values.shape[1]} logits a slice: leave it out."
        )
    position = relative_position(np.zeros(len(index)), index)
    return ScoreCalibration.read(entries, name)(values[:, 0], position)[:, None]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def smoothed(scores: ArrayLike, slice_index: ArrayLike, sigma: float) -> NDArray:
    """Return the mean of each slice's neighbors, weighted by a Gaussian of their distance in slices.

    The weights of the slices that are there sum to 1: at the ends of a scan and beside a gap the others count for more.

    Args:
        scores: (n, K), such as logits, in any order of the slices.
        slice_index: (n,) whole numbers from 0, each once.
        sigma: standard deviation in slices; 0 changes nothing.

    Returns:
        (n, K) float64 in the same order.

    Raises:
        ValueError: `sigma` is negative or not finite.

    Example:
        >>> smoothed([[0.0], [4.0], [0.0], [8.0]], [0, 1, 2, 9], sigma=0.5).round(2).tolist()
        [[0.48], [3.15], [0.48], [8.0]]
    """
    values, index = np.asarray(scores, dtype=np.float64), np.asarray(slice_index, dtype=np.int64)
    if not 0 <= sigma < np.inf:
        raise ValueError(f"slice_smoothing must be a number of slices of at least 0, got {sigma}: 1 is a start.")
    if not sigma or not len(values):
        return values
    place = index - index.min()
    grid, there = np.zeros((place.max() + 1, values.shape[1])), np.zeros(place.max() + 1)
    grid[place], there[place] = values, 1
    sums = gaussian_filter1d(grid, sigma, axis=0, mode="constant")
    return np.asarray(sums[place] / gaussian_filter1d(there, sigma, mode="constant")[place, None])
