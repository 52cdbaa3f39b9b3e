"""Slices as columns."""

import numpy as np
import pytest
import torch

from bundle.metrics import Predictions, class_probabilities, foreground_probability, relative_position


def some(case, index, label, **more):
    case = np.array(case)
    return Predictions(case, case, case, np.array(index), np.array(label), np.linspace(0, 1, len(case)), **more)


def test_sorted_unique_orders_and_drops_what_pads_a_batch():
    maps = {"pointing_game": np.array([0.0, 1.0, 2.0, 3.0])}
    found = some(["b", "a", "a", "a"], [0, 1, 0, 1], [1, -1, 0, 1], map_scores=maps).sorted_unique()
    assert list(zip(found.case, found.slice_index, found.label, strict=True)) == [("a", 0, 0), ("a", 1, 1), ("b", 0, 1)]
    assert found.map_scores["pointing_game"].tolist() == [2.0, 3.0, 0.0]
    assert len(some([], [], []).sorted_unique()) == 0


def test_select_and_position():
    slices = some(["a", "a", "a"], [0, 1, 4], [0, 1, 1])
    assert slices.position.tolist() == [0.0, 0.25, 1.0]
    assert slices.select(slices.label > 0).slice_index.tolist() == [1, 4]


def test_columns_have_one_length():
    with pytest.raises(ValueError, match=r"equal length, got .*'map_scores.iou': 1"):
        some(["a", "b"], [0, 0], [0, 1], map_scores={"iou": np.zeros((1, 3))})


@pytest.mark.parametrize("kind", [np.array, torch.tensor], ids=["numpy", "torch"])
def test_foreground_is_every_class_but_the_first(kind):
    for given, expected in (([0.25, 0.5], [0.25, 0.5]), ([[0.25], [0.5]], [0.25, 0.5]), ([[0.25, 0.5, 0.25]], [0.75])):
        found = foreground_probability(kind(given))
        assert type(found) is type(kind(given))
        assert found.tolist() == expected


def test_class_probabilities_are_sigmoid_of_a_single_logit_and_softmax_of_several():
    logits = torch.tensor([[0.0, 1.0], [3.0, 2.0]])
    assert torch.equal(class_probabilities(logits), logits.softmax(dim=1))
    assert torch.equal(class_probabilities(logits[:, :1]), logits[:, 0].sigmoid())


def test_relative_position_takes_numbers_of_cases():
    cases, index = np.array([2, 2, 0, 0, 0], np.int32), np.array([0, 1, 0, 1, 2], np.int32)
    assert relative_position(cases, index).tolist() == [0, 1, 0, 0.5, 1]
    assert relative_position(np.zeros(0, int), np.zeros(0, int)).tolist() == []


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_logit_that_is_not_finite_is_no_probability(classes, value):
    logits = torch.zeros(2, classes)
    logits[1, -1] = value
    found = class_probabilities(logits).reshape(2, classes)
    assert found[0].isfinite().all()
    assert found[1].isnan().all()
