"""Holm's correction, against the definition worked by hand."""

import math

import pytest

from bundle.metrics import holm


def test_by_hand():
    # sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.5 * 1; never below an earlier one
    found = holm({"d": 0.5, "b": 0.02, "a": 0.01, "c": 0.03})
    assert found == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.5})


def test_never_above_one_and_one_comparison_stays():
    assert holm({"a": 0.7, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.03}) == {"a": 0.03}


def test_what_has_no_value_does_not_count():
    found = holm({"a": 0.02, "b": math.nan})
    assert found["a"] == 0.02
    assert math.isnan(found["b"])
