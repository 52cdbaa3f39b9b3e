"""The rule of the figure, on toys."""

import numpy as np
import pytest

from bundle.evaluation import FinishedRun
from bundle.experiments import chosen_slices
from bundle.metrics import Predictions


def run(found, threshold=0.5, cases="abcde", depth=5, shuffled=False):
    """A method that calls the slices `found` = {case: indices} positive; slices 1 to 3 are."""
    case = np.repeat(list(cases), depth)
    index = np.tile(np.arange(depth), len(cases))
    label = ((index >= 1) & (index <= 3)).astype(int)
    called = np.array([i in found.get(name, ()) for name, i in zip(case, index, strict=True)])
    predictions = Predictions(case, case, case, index, label, np.where(called, threshold, threshold - 0.1))
    if shuffled:
        predictions = predictions.select(np.random.default_rng(0).permutation(len(predictions)))
    return FinishedRun(predictions, {"threshold": threshold})


ALL = dict.fromkeys("abcde", (0, 1, 2, 3))


def test_the_middle_true_positive_of_cases_spread_over_the_names():
    assert chosen_slices([run(ALL)], num_cases=3) == [("a", 2), ("c", 2), ("e", 2)]
    assert chosen_slices([run(ALL)], num_cases=9) == [(case, 2) for case in "abcde"]


def test_every_method_must_find_it_at_its_own_threshold():
    one, other = run(ALL, threshold=0.9), run({"a": (0, 4), "b": (3,), "d": (1, 2, 3)}, threshold=0.2, shuffled=True)
    assert chosen_slices([one, other]) == [("b", 3), ("d", 2)]


def test_no_common_slice_and_other_slices_are_told():
    with pytest.raises(ValueError, match="got none"):
        chosen_slices([run({"a": (1,)}), run({"b": (1,)})])
    with pytest.raises(ValueError, match="same slices"):
        chosen_slices([run(ALL), run(ALL, cases="abcd")])
