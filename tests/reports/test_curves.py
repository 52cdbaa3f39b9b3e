"""The plot of scores: what is drawn, read from matplotlib's own objects."""

import math
from unittest import mock

import numpy as np
import pytest
from matplotlib.axes import Axes

from bundle.reports import Point, band_curves, score_curves, training_curves
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


def test_bands_are_the_intervals_and_a_single_point_is_a_level():
    line = [Point(100, 0.9, 0.8, 1.0), Point(0, 0.7, 0.6, 0.75)]
    panels = {"AUROC": {"guided": line, "plain": [Point(0, 0.7, 0.6, 0.8)]}, "F1": {"guided": line}}
    with (
        mock.patch.object(Axes, "fill_between", autospec=True, side_effect=Axes.fill_between) as bands,
        mock.patch.object(Axes, "axhline", autospec=True, side_effect=Axes.axhline) as levels,
        mock.patch.object(Axes, "plot", autospec=True, side_effect=Axes.plot) as lines,
    ):
        picture = band_curves(panels, "percent")
    assert picture.shape == (3, 360, 840)
    for call in bands.call_args_list:
        assert call.args[1:] == ((0, 100), (0.6, 0.8), (0.75, 1.0))
    assert [call.args[1] for call in levels.call_args_list] == [0.7]
    colors = [call.kwargs["color"] for call in [*lines.call_args_list, *levels.call_args_list]]
    assert colors[0] == colors[1] != colors[2], "a method has one color in all panels"


def test_more_than_three_panels_take_another_line():
    picture = band_curves({str(k): {"a": [Point(0, 0.5, 0.4, 0.6)]} for k in range(4)}, "x")
    assert picture.shape == (3, 680, 1260)
    with pytest.raises(ValueError, match="panels must hold at least one point"):
        band_curves({"AUROC": {}}, "x")
