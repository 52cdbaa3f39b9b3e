"""The plot of scores: what is drawn, read from matplotlib's own objects."""

import math
from unittest import mock

import numpy as np
import pytest
from matplotlib.axes import Axes

from bundle.reports import score_curves, training_curves
from bundle.reports.curves import mean_and_deviation


def test_points_are_means_in_order_with_their_deviation():
    with mock.patch.object(Axes, "errorbar", autospec=True, side_effect=Axes.errorbar) as drawn:
        picture = score_curves([100, 0], {"F1": [[0.9], [0.6, 0.8]], "AUROC": [[0.5], [0.5]]}, "percent")
    assert picture.dtype == "uint8"
    assert picture.shape[0] == 3
    (_, x, y), options = drawn.call_args_list[0]
    assert list(x) == [0, 100]
    assert list(y) == pytest.approx([0.7, 0.9])
    assert list(options["yerr"]) == pytest.approx([math.sqrt(0.02), 0])
    assert [call.kwargs["label"] for call in drawn.call_args_list] == ["F1", "AUROC"]


def test_a_run_without_a_value_is_left_out():
    assert mean_and_deviation([0.5, float("nan"), 0.7])[0] == pytest.approx(0.6)
    assert math.isnan(mean_and_deviation([float("nan")])[0])


@pytest.mark.parametrize("curves", [{}, {"F1": [[0.5]]}])
def test_curves_have_a_point_for_each_x(curves):
    with pytest.raises(ValueError, match="curves must have 2 points each"):
        score_curves([0, 1], curves, "x")


def test_training_curves_show_what_the_history_has():
    loss = [{"epoch": k, "loss": 1 / k} for k in (1, 2, 3)]
    scores = [{"f1": 0.5, "validation_loss": 0.7}, {}, {"auroc": 0.75}]
    located = [{**row, "classification_loss": 0.5, "localization_loss": 0.1} for row in loss]
    both = [{**row, **more} for row, more in zip(located, scores, strict=True)]
    widths = [training_curves(history).shape[2] for history in ([], loss, located, both)]
    assert widths == [420, 420, 840, 1260], "a panel for each kind of number"


def test_training_curves_mark_the_best_epoch():
    history = [{"epoch": k, "f1": k / 4} for k in (1, 2, 3)]
    plain = training_curves(history)
    assert np.array_equal(plain, training_curves(history, best_epoch=-1))
    assert not np.array_equal(plain, training_curves(history, best_epoch=2))
