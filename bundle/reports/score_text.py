"""Numbers as a reader wants them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

ABSENT = "n/a"


def score_text(values: float | Sequence[float], interval: Sequence[float] | None = None, digits: int = 3) -> str:
    """Return one score, or the mean and standard deviation of several runs, or a score with its interval.

    The standard deviation is that of a sample (n - 1). Runs without a value are left out and counted.

    Args:
        values: one score, or one per run.
        interval: low and high bound; more entries (an `Interval`'s draws) are not shown.
        digits: after the point.

    Example:
        >>> score_text([0.75, 0.85, 0.8]), score_text(0.8, (0.7, 0.9)), score_text(float("nan"))
        ('0.800 ± 0.050', '0.800 [0.700, 0.900]', 'n/a')
    """
    runs = list(values) if isinstance(values, Sequence) else [values]
    defined = [value for value in runs if value is not None and value == value]
    if not defined:
        return ABSENT
    text = f"{statistics.fmean(defined):.{digits}f}"
    if len(defined) > 1:
        text += f" ± {statistics.stdev(defined):.{digits}f}"
    if interval is not None and interval[0] is not None and interval[0] == interval[0]:
        text += f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"
    return text if len(defined) == len(runs) else f"{text} ({len(defined)} of {len(runs)} runs)"
