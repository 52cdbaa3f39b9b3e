"""What two rows of scores show, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import ttest_ind


def verdict(
    baseline: Sequence[float],
    method: Sequence[float],
    *,
    score: str = "F1",
    baseline_name: str = "the plain ViT",
    method_name: str = "LGM-ViT",
) -> str:
    """Return whether the gain of a method over its baseline is larger than the spread of the seeds.

    The interval is Welch's, 95%, of the difference of the means over the seeds (scipy). It speaks of training again
    with other seeds, on the same patients; it does not speak of other patients.

    Args:
        baseline: one score per seed.
        method: one score per seed.
        score: name of the score.
        baseline_name: subject of comparison.
        method_name: subject of the sentence.

    Example:
        >>> verdict([0.7, 0.8, 0.9], [0.7, 0.9, 0.9]).split(": ")[1]
        'the spread hides the gain.'
    """
    one, other = defined(method), defined(baseline)
    if not len(one) or not len(other):
        return f"{method_name} and {baseline_name} cannot be compared: {score} has no value in at least one of them."
    gain = float(one.mean() - other.mean())
    start = f"{method_name}'s {score} is {abs(gain):.3f} {'above' if gain >= 0 else 'below'} that of {baseline_name}"
    if len(one) < 2 or len(other) < 2:
        return f"{start}; one seed each tells nothing about the spread."
    low, high = seed_interval(one, other)
    word = "gain" if gain >= 0 else "loss"
    hidden = low <= 0 <= high
    end = f"the spread hides the {word}" if hidden else f"the {word} is larger than the spread of the seeds"
    return f"{start} (95% interval over seeds {low:.3f} to {high:.3f}): {end}."


def defined(values: Sequence[float]) -> np.ndarray:
    """Return the values that are numbers."""
    array = np.asarray(values, dtype=np.float64)
    return array[np.isfinite(array)]


def seed_interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return Welch's interval of mean(one) - mean(other); a point where no seed differs from another."""
    if np.ptp(one) == 0 and np.ptp(other) == 0:
        gain = float(one.mean() - other.mean())
        return gain, gain
    bounds = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    return float(bounds.low), float(bounds.high)
