"""Slices as columns."""

import numpy as np
import pytest

from bundle.metrics import Predictions


def some(case, index, label, **more):
    case = np.array(case)
    return Predictions(case, case, case, np.array(index), np.array(label), np.linspace(0, 1, len(case)), **more)


def test_tidy_orders_and_drops_what_fills_a_batch():
    maps = {"pointing_game": np.array([0.0, 1.0, 2.0, 3.0])}
    tidy = some(["b", "a", "a", "a"], [0, 1, 0, 1], [1, -1, 0, 1], map_scores=maps).tidy()
    assert list(zip(tidy.case, tidy.slice_index, tidy.label, strict=True)) == [("a", 0, 0), ("a", 1, 1), ("b", 0, 1)]
    assert tidy.map_scores["pointing_game"].tolist() == [2.0, 3.0, 0.0]
    assert len(some([], [], []).tidy()) == 0


def test_select_and_position():
    slices = some(["a", "a", "a"], [0, 1, 4], [0, 1, 1])
    assert slices.position.tolist() == [0.0, 0.25, 1.0]
    assert slices.select(slices.label > 0).slice_index.tolist() == [1, 4]


def test_columns_have_one_length():
    with pytest.raises(ValueError, match=r"equal length, got .*'map_scores.iou': 1"):
        some(["a", "b"], [0, 0], [0, 1], map_scores={"iou": np.zeros((1, 3))})
