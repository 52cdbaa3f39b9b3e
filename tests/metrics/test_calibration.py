"""Brier score and calibration error."""

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from bundle.metrics import calibration_scores


def test_brier_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(0, 2, 100), rng.random(100)
    assert calibration_scores(labels, probabilities)["brier"] == pytest.approx(brier_score_loss(labels, probabilities))


def test_ece_by_hand():
    # Bin of 0.9: three slices, two positive, gap 0.7/3 each; bin of 0.1: one negative, gap 0.1.
    found = calibration_scores([1, 1, 0, 0, -1], [0.9, 0.9, 0.9, 0.1, 0.5], bins=2)
    assert found["ece"] == pytest.approx(0.7 / 4 + 0.1 / 4)
    assert found["n"] == 4


def test_certain_and_right_is_perfect():
    assert calibration_scores([1, 0], [1.0, 0.0]) == {"brier": 0.0, "ece": 0.0, "n": 2}


def test_several_classes():
    found = calibration_scores([0, 2], [[0.8, 0.1, 0.1], [0.5, 0.3, 0.2]], bins=1)
    assert found["brier"] == pytest.approx((0.06 + 0.98) / 2)
    assert found["ece"] == pytest.approx(abs(0.5 - 0.65))


def test_nothing_labelled():
    found = calibration_scores([-1], [0.5])
    assert math.isnan(found["brier"])
    assert found["n"] == 0
