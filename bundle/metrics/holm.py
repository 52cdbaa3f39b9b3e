"""Several comparisons, one error rate."""

from __future__ import annotations

from collections.abc import Mapping

from numpy import isnan


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return Holm's corrected p-values: the chance of any false finding among all of them stays below the level.

    Args:
        p_values: name of a comparison -> its p-value; NaN stays NaN and does not count.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    ascending = sorted((name for name in p_values if not isnan(p_values[name])), key=lambda name: p_values[name])
    corrected, largest = dict(p_values), 0.0
    for place, name in enumerate(ascending):
        largest = min(1.0, max(largest, (len(ascending) - place) * p_values[name]))
        corrected[name] = largest
    return corrected
