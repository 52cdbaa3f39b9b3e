"""With more labeled patients the scores rise from those of the run to those of a fitted threshold."""

import numpy as np
import pytest
from scipy.special import expit

from bundle.adaptation import Adaptation, adapted, simulated
from bundle.metrics import Predictions
from bundle.probabilities import ScoreCalibration


@pytest.fixture(scope="module")
def shifted():
    """Twelve patients at a hospital where every logit is 3 too high."""
    draw = np.random.default_rng(0)
    case, label = np.repeat([f"p{number:02d}" for number in range(12)], 20), draw.integers(0, 2, 240)
    return Predictions(
        case, case, case, np.tile(np.arange(20), 12), label, expit(4 * label - 2 + 3 + draw.normal(size=240))
    )


def test_without_labels_the_start_is_used(shifted):
    start = Adaptation(ScoreCalibration(), 0.5)
    assert adapted(shifted, shifted.select(np.zeros(240, dtype=bool)), start) is start


def test_labels_of_some_patients_help_on_the_others(shifted):
    found = simulated(shifted, Adaptation(ScoreCalibration(), 0.5), (0, 5, 11), repeats=10)
    assert list(found) == [0, 5]  # one patient alone is not scored
    assert found[5]["f1"][0] > found[0]["f1"][0] + 0.1
    assert found[5]["auroc"][0] == pytest.approx(found[0]["auroc"][0], abs=0.02)
    for value, low, high in (scores[name] for scores in found.values() for name in scores):
        assert low <= value <= high


def test_the_threshold_follows_the_beta_of_the_run(shifted):
    labeled = shifted.select(np.isin(shifted.patient, ["p00", "p01"]))
    f1, recall = (adapted(shifted, labeled, Adaptation(ScoreCalibration(), 0.5, beta)) for beta in (1.0, 2.0))
    assert recall.threshold < f1.threshold
    assert recall.calibration.entries() == f1.calibration.entries()


def test_equal_seeds_give_equal_results(shifted):
    start = Adaptation(ScoreCalibration(), 0.5)
    assert simulated(shifted, start, [5], repeats=2) == simulated(shifted, start, [5], repeats=2)


def test_a_position_that_tells_the_label_is_learned():
    case, index = np.repeat(list("abcdefgh"), 9), np.tile(np.arange(9), 8)
    label = (np.abs(index - 4) < 3).astype(int)
    scans = Predictions(case, case, case, index, label, np.full(72, 0.5))
    for position, expected in (((0.0, -0.01), 1), ((0.0, 0.0), 0.5)):
        start = Adaptation(ScoreCalibration(position=position), 0.5)
        assert simulated(scans, start, [5], repeats=2)[5]["auroc"][0] == expected


def test_scores_that_are_never_defined_have_no_interval():
    names = np.repeat(list("abc"), 2)
    scans = Predictions(names, names, names, np.array([0, 1] * 3), np.zeros(6, dtype=int), np.full(6, 0.25))
    value, low, high = simulated(scans, Adaptation(ScoreCalibration(), 0.5), [0], repeats=2)[0]["auroc"]
    assert np.isnan([value, low, high]).all()
