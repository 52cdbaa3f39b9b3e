"""A fitted calibration is what scikit-learn says; few scans change little."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from support.predictions import scans_of

from bundle.probabilities import ScoreCalibration, fitted
from bundle.probabilities import fitted_calibration as module


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_with_flat_priors_the_fit_is_that_of_scikit_learn(draw, monkeypatch):
    for name in ("_SLOPE_SD", "_BIAS_SD", "_POSITION_SD"):
        monkeypatch.setattr(module, name, 1e4)
    logits = draw.normal(size=400) * 2
    centered = 2 * np.tile(np.arange(100), 4) / 99 - 1
    label = (draw.random(400) < expit(0.7 * logits + 1 - 2 * centered**2)).astype(int)
    features = np.stack([logits, centered, centered**2], axis=1)
    expected = LogisticRegression(C=1e9, max_iter=1000).fit(features, label)
    found = fitted(scans_of(logits, label), ScoreCalibration(position=(1e-9, 0.0)))
    assert [found.slope, *found.position] == pytest.approx(expected.coef_[0], abs=0.01)
    assert found.bias == pytest.approx(expected.intercept_[0], abs=0.01)
    plain = fitted(scans_of(logits, label), ScoreCalibration())
    assert plain.slope == pytest.approx(LogisticRegression(C=1e9).fit(logits[:, None], label).coef_[0, 0], abs=0.01)


def test_few_scans_change_less_than_many(draw):
    logits = draw.normal(size=400)
    label = (logits > 1).astype(int)
    many = fitted(scans_of(logits, label, scans=40), ScoreCalibration())
    one = fitted(scans_of(logits, label, scans=40).select(np.arange(10)), ScoreCalibration())
    assert 1 <= one.slope < many.slope
    assert abs(one.bias) < abs(many.bias)


def test_slices_without_a_label_do_not_count_and_the_alignment_stays(draw):
    logits, label = draw.normal(size=40), draw.integers(0, 2, 40)
    unknown = np.where(np.arange(40) % 2, label, -1)
    known = scans_of(logits, label).select(np.arange(40) % 2 == 1)
    start = ScoreCalibration(alignment=[[0.0, 1.0], [1.0, 3.0]])
    one, other = fitted(scans_of(logits, unknown), start), fitted(known, start)
    assert (one.slope, one.bias) == pytest.approx((other.slope, other.bias))
    assert one.alignment == start.alignment
