"""A calibration read from a config does what it says and refuses what would do something else."""

import numpy as np
import pytest

from bundle.probabilities import ScoreCalibration, SliceProbabilities

MIDDLE = np.full(4, 0.5)


def test_without_entries_nothing_changes():
    logits = np.array([-3.0, 0.0, 1.0, 20.0])
    np.testing.assert_array_equal(ScoreCalibration.read({})(logits, MIDDLE), logits)
    assert ScoreCalibration().entries() == {}


def test_alignment_is_linear_between_its_logits_and_goes_on_beside_them():
    found = ScoreCalibration(alignment=[[-1, 0, 2], [-5, 1, 2]])
    np.testing.assert_allclose(found(np.array([-2.0, -0.5, 1.0, 4.0]), MIDDLE), [-6, -2, 1.5, 4])


def test_position_adds_a_parabola_of_the_centered_position():
    found = ScoreCalibration(position=(1.0, -2.0))
    np.testing.assert_allclose(found(np.zeros(4), [0, 0.25, 0.5, 1]), [-3, -1, 0, -1])


def test_entries_are_those_that_change_something():
    assert ScoreCalibration(slope=2.0, bias=0.0).entries() == {"slope": 2.0}


@pytest.mark.parametrize(
    "entries",
    [
        {"slopes": 1.0},
        {"slope": float("nan")},
        {"position": [1.0]},
        {"alignment": [[0.0, 0.0], [0.0, 1.0]]},
        {"alignment": [[0.0, 1.0], [1.0, 0.0]]},
        {"alignment": [[0.0, 1.0]]},
        {"alignment": [[0.0, 1.0], [0.0]]},
        {"alignment": [[], []]},
    ],
)
def test_what_is_no_calibration_is_refused(entries):
    with pytest.raises(ValueError, match="score_calibration must hold"):
        SliceProbabilities(calibration=entries)
