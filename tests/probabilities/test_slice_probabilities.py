"""Logits become probabilities the same way in evaluation and inference; by default exactly as without any of it."""

import numpy as np
import pytest
import torch
from scipy.special import expit, logit

from bundle.metrics import Predictions, class_probabilities, position_baseline
from bundle.probabilities import ScoreCalibration, SliceProbabilities, logits_of, smoothed


def by_hand(scores, index, sigma):
    """Each slice by a sum over all others."""
    weights = np.exp(-((np.subtract.outer(index, index) / sigma) ** 2) / 2)
    return weights @ scores / weights.sum(axis=1, keepdims=True)


def predictions_of(logits, case, index, label=None):
    logits = np.asarray(logits, dtype=np.float32)
    names, label = np.asarray(case), np.zeros(len(logits), dtype=int) if label is None else np.asarray(label)
    probability = class_probabilities(torch.from_numpy(logits)).numpy()
    return Predictions(names, names, names, np.asarray(index), label, probability, logit=logits)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("index", [[0, 1, 2, 3, 4], [4, 0, 2, 9, 3], [7, 8, 30, 31, 5]])
def test_smoothing_is_a_weighted_mean_over_the_slices_that_are_there(index, classes):
    scores = np.random.default_rng(0).normal(size=(5, classes))
    np.testing.assert_allclose(smoothed(scores, index, 0.8), by_hand(scores, index, 0.8), atol=1e-3)


def test_smoothing_keeps_what_is_constant_and_bridges_no_wide_gap():
    np.testing.assert_allclose(smoothed(np.full((4, 1), 3.0), [0, 1, 5, 6], 2.0), 3.0)
    np.testing.assert_allclose(smoothed([[1.0], [5.0]], [0, 50], 2.0), [[1.0], [5.0]])
    assert smoothed([[1.0], [5.0]], [0, 1], 0).tolist() == [[1.0], [5.0]]
    assert smoothed(np.zeros((0, 1)), [], 1.0).shape == (0, 1)


@pytest.mark.parametrize("sigma", [-1, float("nan"), float("inf")])
def test_a_sigma_that_is_none_is_refused(sigma):
    with pytest.raises(ValueError, match="slice_smoothing must be a number of slices of at least 0"):
        smoothed([[1.0]], [0], sigma)


@pytest.mark.parametrize("smoothing", [None, 0, 0.0])
def test_by_default_nothing_changes_by_a_bit(smoothing):
    plain, logits = SliceProbabilities(smoothing), torch.randn(9, 1)
    assert torch.equal(plain(logits), class_probabilities(logits))
    predictions = predictions_of(logits.numpy(), ["a"] * 9, range(9))
    assert plain.of(predictions) is predictions


@pytest.mark.parametrize("classes", [1, 3])
def test_each_case_is_smoothed_alone_whatever_the_order_of_its_rows(classes):
    logits = np.random.default_rng(1).normal(size=(7, classes)).astype(np.float32)
    case, index = list("abababa"), [3, 0, 0, 2, 1, 1, 2]
    made = SliceProbabilities(1.0).of(predictions_of(logits, case, index)).probability
    for name in "ab":
        rows = np.flatnonzero(np.array(case) == name)
        rows = rows[np.argsort(np.array(index)[rows])]
        alone = SliceProbabilities(1.0)(torch.from_numpy(logits[rows])).numpy()
        np.testing.assert_allclose(made[rows], alone, atol=1e-6)


def test_probabilities_that_were_read_from_a_file_serve_as_well():
    logits = np.random.default_rng(2).normal(size=(6, 1)) * 3
    predictions = predictions_of(logits, ["a"] * 6, range(6))
    read = Predictions(*[getattr(predictions, name) for name in ("case", "patient", "site", "slice_index", "label")],
                       predictions.probability)  # fmt: skip
    expected = SliceProbabilities(1.0).of(predictions).probability
    np.testing.assert_allclose(SliceProbabilities(1.0).of(read).probability, expected, atol=1e-5)
    assert logits_of([[0.0, 1.0]]).tolist() == [[-16.0, 0.0]]


def test_validation_chooses_the_smoothing_with_the_best_average_precision():
    label = np.repeat([0, 1, 0], 8)
    logits = (4.0 * label - 2 + 6 * (-1.0) ** np.arange(24))[:, None]  # errors of neighbors cancel
    noisy = predictions_of(logits, ["a"] * 24, range(24), label)
    assert SliceProbabilities("validation").chosen_on(noisy).smoothing >= 1
    clean = predictions_of((4.0 * label - 2)[:, None], ["a"] * 24, range(24), label)
    assert SliceProbabilities("validation").chosen_on(clean).smoothing == 0
    assert SliceProbabilities(2.0).chosen_on(noisy).smoothing == 2.0


@pytest.mark.parametrize("label", [None, [0, 0, 0], [-1, -1, -1]])
def test_without_a_choice_nothing_is_smoothed(label):
    validation = None if label is None else predictions_of(np.zeros((3, 1)), ["a"] * 3, range(3), label)
    assert SliceProbabilities("validation").chosen_on(validation).smoothing == 0


def test_an_open_choice_gives_no_probabilities():
    with pytest.raises(ValueError, match="slice_smoothing must be a number where no validation slices are at hand"):
        SliceProbabilities("validation")(torch.zeros(2, 1))


def test_a_calibration_changes_logits_after_they_were_smoothed():
    logits = torch.tensor([[-1.0], [2.0], [0.5]])
    entries = {"slope": 2.0, "bias": -1.0, "position": [0.5, 1.0], "alignment": [[-3.0, 3.0], [-2.0, 4.0]]}
    made = SliceProbabilities(1.0, entries)(logits).numpy()
    aligned = by_hand(logits.numpy(), [0, 1, 2], 1.0)[:, 0] + 1
    np.testing.assert_allclose(made, expit(2 * aligned - 1 + [0.5, 0, 1.5]), atol=1e-3)


TRAIN_POSITION, TRAIN_LABEL = np.tile(np.linspace(0, 1, 9), 3), np.tile([0, 0, 1, 1, 1, 1, 0, 0, -1], 3)
TRAIN_LABEL[[1, 4]] = 1, 0  # no parabola separates the classes


def test_position_adds_its_share_of_the_logit_that_position_alone_has_without_the_share_of_positives():
    made = SliceProbabilities(1.0, {"slope": 2.0}, position=0.5).fitted_to(TRAIN_POSITION, TRAIN_LABEL)
    network, index = np.array([[-1.0], [2.0], [0.5], [0.0]]), [0, 1, 2, 4]
    alone = position_baseline(TRAIN_POSITION, TRAIN_LABEL, np.array(index) / 4)
    share = (TRAIN_LABEL[TRAIN_LABEL >= 0] > 0).mean()
    expected = by_hand(network, np.array(index), 1.0)[:, 0] + 0.5 * (logit(alone) - logit(share))
    np.testing.assert_allclose(made(torch.from_numpy(network), index), expit(2 * expected), atol=1e-3)
    assert SliceProbabilities(position=made.record()["slice_position"]).fitted_to([0], [1]).position == made.position


def test_a_position_that_separates_few_labels_does_not_drown_the_network():
    position = np.linspace(0, 1, 21)
    made = SliceProbabilities(position=0.25).fitted_to(position, np.abs(position - 0.5) < 0.3)
    entries = made.record()["slice_position"]
    term = ScoreCalibration.read(entries)(np.zeros(21), position)
    assert 3.5 < np.abs(term).max() < 4.5  # a quarter of 16, less the share of positives


@pytest.mark.parametrize(("weight", "label"), [(0, [0, 1, 0]), (0.5, [1, 1, -1]), (0.5, [0, 0, 0]), (None, [0, 1, 0])])
def test_a_position_that_tells_nothing_changes_nothing(weight, label):
    made = SliceProbabilities(position=weight).fitted_to([0, 0.5, 1], label)
    assert made.is_plain
    assert made.record()["slice_position"] is None


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (-1.0, "must be a number of at least 0 or the entries"),
        (True, "must be a number of at least 0 or the entries"),
        ("validation", "must be a number of at least 0 or the entries"),
        ({"shift": 1}, "must hold some of"),
    ],
)
def test_a_position_that_is_none_is_refused(position, message):
    with pytest.raises(ValueError, match=f"slice_position {message}"):
        SliceProbabilities(position=position)


def test_a_weight_of_the_position_that_is_not_fitted_says_that_it_does_not_count(caplog):
    assert SliceProbabilities(position=0.5)(torch.zeros(2, 1)).tolist() == [0.5, 0.5]
    assert "slice_position 0.5 is a weight without training slices to fit" in caplog.text


@pytest.mark.parametrize(("knob", "name"), [("calibration", "score_calibration"), ("position", "slice_position")])
def test_a_calibration_is_for_a_single_logit(knob, name):
    with pytest.raises(ValueError, match=f"{name} must be null for a network of several classes, got 3"):
        SliceProbabilities(**{knob: {"bias": 1.0}})(torch.zeros(2, 3))
