"""Slice scores: against scikit-learn, and where they have no value."""

import math
import warnings

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from bundle.metrics import SliceScorer, slice_scores
from bundle.transforms import SplitPredictiond

KEYS = {
    "f1", "accuracy", "auroc", "average_precision", "cohen_kappa", "sensitivity", "specificity", "n", "positives",
    "sensitivity_at_90_specificity",
}  # fmt: skip


def test_worked_by_hand():
    scores = slice_scores([1, 1, 1, 0, 0, 0, 0, -1], [0.9, 0.8, 0.2, 0.6, 0.3, 0.1, 0.1, 0.99])
    assert set(scores) == KEYS
    assert scores["f1"] == pytest.approx(2 / 3)  # 2 hits, 1 miss, 1 false alarm
    assert scores["accuracy"] == pytest.approx(5 / 7)
    assert scores["sensitivity"] == pytest.approx(2 / 3)
    assert scores["specificity"] == pytest.approx(3 / 4)
    assert scores["auroc"] == pytest.approx(10 / 12)  # 0.2 loses against 0.6 and 0.3
    assert (scores["n"], scores["positives"]) == (7, 3)


def test_a_slice_on_the_threshold_is_positive():
    assert slice_scores([1, 0], [0.5, 0.4999], threshold=0.5)["accuracy"] == 1.0
    assert slice_scores([1, 0], [0.5, 0.4999], threshold=0.51)["sensitivity"] == 0.0


@pytest.mark.parametrize(
    ("labels", "undefined"),
    [
        (
            [0, 0],
            {"f1", "auroc", "average_precision", "sensitivity", "sensitivity_at_90_specificity"},
        ),
        ([1, 1], {"auroc", "specificity", "sensitivity_at_90_specificity"}),
        ([-1, -1], KEYS - {"n", "positives"}),
        ([], KEYS - {"n", "positives"}),
    ],
)
def test_one_class_is_nan_with_counts_and_without_warnings(labels, undefined):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = slice_scores(labels, [0.2, 0.7][: len(labels)])
    assert {name for name, value in scores.items() if math.isnan(value)} == undefined
    assert scores["n"] == sum(label >= 0 for label in labels)
    assert scores["positives"] == sum(label > 0 for label in labels)


def several_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    logits = rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[labels]
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_several_classes_are_macro_averages():
    labels, probabilities = several_classes()
    predicted, scores = probabilities.argmax(axis=1), slice_scores(labels, probabilities)
    assert scores["f1"] == pytest.approx(sk.f1_score(labels, predicted, average="macro"))
    assert scores["sensitivity"] == pytest.approx(sk.recall_score(labels, predicted, average="macro"))
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(labels, predicted))
    assert scores["cohen_kappa"] == pytest.approx(sk.cohen_kappa_score(labels, predicted))
    assert scores["auroc"] == pytest.approx(sk.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"))
    each = [sk.average_precision_score(labels == k, probabilities[:, k]) for k in range(3)]
    assert scores["average_precision"] == pytest.approx(np.mean(each))
    assert scores["positives"] == (labels > 0).sum()


def test_a_class_that_does_not_occur_is_not_averaged():
    labels, probabilities = several_classes()
    kept = labels < 2
    with_absent = slice_scores(labels[kept], probabilities[kept])["sensitivity"]
    expected = sk.recall_score(labels[kept], probabilities[kept].argmax(1), average="macro", labels=[0, 1])
    assert with_absent == pytest.approx(expected)


def test_patients_missed_among_several_classes_have_no_slice_of_any_object():
    background, object_1 = [0.6, 0.3, 0.1], [0.2, 0.7, 0.1]
    found = slice_scores([2, 2, 1], [object_1, background, background], patients=["a", "a", "b"])
    assert (found["patients_missed"], found["patients_positive"]) == (1, 2), "class 1 for 2 is no miss"


@pytest.mark.parametrize(("threshold", "missed"), [(0.5, 0), (0.6, 1)])
def test_patients_missed_among_several_classes_are_those_without_a_slice_that_inference_calls_positive(
    threshold, missed
):
    unsure = torch.tensor([0.45, 0.3, 0.25])  # background is the largest, an object the likelier
    assert slice_scores([1], [unsure], threshold, ["a"])["patients_missed"] == missed
    predicted = torch.cat([torch.ones(1), unsure])[:, None, None, None].expand(4, 4, 4, 1)
    found = SplitPredictiond(threshold)({"image": torch.rand(1, 4, 4, 1), "pred": predicted})["result"]
    assert found["slices"][0]["positive"] is not bool(missed)


def test_ignored_slices_make_no_patient_positive_and_find_none():
    found = slice_scores([1, -1, -1], [0.1, 0.9, 0.9], patients=["a", "a", "b"])
    assert (found["patients_missed"], found["patients_positive"]) == (1, 1)


def test_one_column_is_binary():
    assert slice_scores([1, 0], [[0.9], [0.1]]) == slice_scores([1, 0], [0.9, 0.1])


def test_weights_count_ignored_slices_too():
    scorer = SliceScorer([-1, 1, 0], [0.5, 0.9, 0.9])
    assert scorer(np.array([100.0, 3.0, 1.0]))["accuracy"] == 0.75


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([1, 0], [0.5], "one row per label, got 1 for 2"),
        ([1, 0], [0.5, float("nan")], "NaN or infinity for 1 slices"),
        ([2, 0], [0.5, 0.5], "labels must be from -1 to 1, got 0 to 2"),
        ([3, 0], [[0.5, 0.2, 0.3]] * 2, "labels must be from -1 to 2, got 0 to 3"),
    ],
)
def test_wrong_input_is_named(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        slice_scores(labels, probabilities)
