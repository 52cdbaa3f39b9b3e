"""The baseline that sees only the position of a slice."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from bundle.metrics import best_iou_index, position_baseline, relative_position


def test_it_is_the_maximum_likelihood_fit():
    rng = np.random.default_rng(0)
    position = rng.random(500)
    labels = (rng.random(500) < expit(1 - 12 * (position - 0.6) ** 2)).astype(int)

    def loss(beta):
        logit = beta[0] + beta[1] * position + beta[2] * position**2
        return np.logaddexp(0, logit).sum() - (labels * logit).sum()

    beta = minimize(loss, np.zeros(3), tol=1e-12).x
    test = np.linspace(0, 1, 11)
    expected = expit(beta[0] + beta[1] * test + beta[2] * test**2)
    np.testing.assert_allclose(position_baseline(position, labels, test), expected, atol=2e-3)


@pytest.mark.parametrize(("labels", "constant"), [([1, 1, -1], 1.0), ([0, -1, 0], 0.0), ([-1, -1, -1], 0.5)])
def test_one_class_is_a_constant(labels, constant):
    assert position_baseline([0.0, 0.5, 1.0], labels, [0.2, 0.4]).tolist() == [constant, constant]


def test_ignored_slices_and_other_classes():
    position, labels = np.linspace(0, 1, 21), (np.linspace(0, 1, 21) > 0.52).astype(int)
    plain = position_baseline(position, labels, [0.1, 0.9])
    more = position_baseline([*position, 0.0, 0.0], [*(labels * 2), -1, -1], [0.1, 0.9])
    np.testing.assert_allclose(more, plain)
    assert plain[0] < 0.01 < 0.99 < plain[1]


def test_relative_position_is_per_volume():
    assert relative_position([7, 7, 8, 7], [0, 4, 0, 1]).tolist() == [0.0, 1.0, 0.5, 0.25]


def test_best_threshold_counts_positive_slices_with_a_mask():
    curves = np.array([[0.2, 0.3], [0.4, 0.1], [0.0, 0.9], [np.nan, np.nan]])
    assert best_iou_index(curves, [1, 1, 0, 1]) == 0
    assert best_iou_index(curves, [0, 0, -1, 1]) is None
