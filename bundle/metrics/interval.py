"""A confidence interval."""

from __future__ import annotations

from typing import NamedTuple


class Interval(NamedTuple):
    """The bounds of a bootstrap interval and how many draws had a value.

    Example:
        >>> low, high, draws = Interval(0.7, 0.9, 1000)
    """

    low: float
    high: float
    draws: int
    """Draws in which the statistic was defined (a draw may hold one class only)."""
