"""Which slices a figure shows: by a rule, never by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bundle.reports import FinishedRun

RULE = (
    "cases in which every method calls a same positive test slice positive, spread evenly over their names; of each "
    "case the middle one of these slices"
)


def chosen_slices(runs: Sequence[FinishedRun], num_cases: int = 5) -> list[tuple[str, int]]:
    """Return (case, slice index) by `RULE`: true positives of all runs, which the paper's figure 3 shows too.

    Args:
        runs: one per method, tested on the same slices.
        num_cases: at most so many slices, each of another case.

    Raises:
        ValueError: the runs were tested on different slices, or no positive slice is found by all.

    Example:
        >>> from bundle.metrics import Predictions
        >>> names, label = np.array(["a", "a", "b", "b"]), np.array([1, 1, 0, 1])
        >>> tested = Predictions(names, names, names, np.array([0, 1, 0, 1]), label, np.array([0.4, 0.9, 0.9, 0.8]))
        >>> chosen_slices([FinishedRun(tested, {"threshold": 0.5})])
        [('a', 1), ('b', 1)]
    """
    tested = [run.predictions.tidy() for run in runs]
    first = tested[0]
    for other in tested[1:]:
        if not (np.array_equal(first.case, other.case) and np.array_equal(first.slice_index, other.slice_index)):
            raise ValueError("a figure expected runs that were tested on the same slices: take the same repeat of all.")
    found = first.label > 0
    for run, one in zip(runs, tested, strict=True):
        found &= one.probability >= run.threshold
    cases = np.unique(first.case[found])
    if not len(cases):
        raise ValueError("a figure expected a positive slice that every method finds, got none: compare fewer methods.")
    spread = np.unique(np.linspace(0, len(cases) - 1, num_cases).round().astype(int))
    indices = {case: first.slice_index[found & (first.case == case)] for case in cases[spread]}
    return [(str(case), int(of_case[len(of_case) // 2])) for case, of_case in indices.items()]
