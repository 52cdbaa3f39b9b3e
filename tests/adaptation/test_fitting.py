"""Calibrations are what closed forms, a brute search and scikit-learn say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from support.predictions import scans_of

from bundle.adaptation import aligned, with_position
from bundle.probabilities import ScoreCalibration


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_alignment_undoes_a_change_of_scale_and_keeps_the_order(draw):
    reference = draw.normal(size=4000)
    found = aligned(2 * draw.normal(size=4000) + 3, reference)
    logits = np.linspace(-2, 8, 50)
    made = found.aligned(logits)
    np.testing.assert_allclose(made, (logits - 3) / 2, atol=0.6)
    np.testing.assert_allclose(made[20:31], (logits[20:31] - 3) / 2, atol=0.1)
    assert (np.diff(made) > 0).all()


def test_equal_scores_are_matched_once_and_none_are_refused():
    found = aligned([0.0] * 9 + [1.0], [5.0] * 10)
    assert found.aligned(np.array([0.0])) == pytest.approx([5.0])
    with pytest.raises(ValueError, match="scores must be those of some slices, got 0 and 1"):
        aligned([], [1.0])


def test_position_starts_as_the_training_scans_had_it(draw):
    reference = scans_of(draw.normal(size=40), draw.integers(0, 2, 40))
    centered = 2 * reference.position - 1
    trained = replace(reference, position_only=expit(1 + centered - 3 * centered**2))
    found = with_position(ScoreCalibration(alignment=[[0.0], [1.0]]), trained)
    assert [found.slope, found.bias, *found.position] == pytest.approx([0.7, 0.7, 0.7, -2.1])
    assert found.alignment == [[0.0], [1.0]]
    with pytest.raises(ValueError, match="must have the column position_only, got none"):
        with_position(ScoreCalibration(), reference)
