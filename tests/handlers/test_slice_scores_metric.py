"""The key metric of an epoch, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk
from support.network import toy_batch, toy_evaluator, toy_network

from bundle.handlers import SliceScores
from bundle.losses import SliceClassificationLoss


def batches(labels, logits, size):
    return [
        {"pred": logits[start : start + size], "label": labels[start : start + size]}
        for start in range(0, len(labels), size)
    ]


def scores_of(labels, logits, *, size=7, key="f1", threshold=0.5):
    metric = SliceScores(key, threshold)
    for batch in batches(labels, logits, size):
        metric.update(batch)
    return metric


@pytest.mark.parametrize("size", [1, 7, 60])
@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_one_logit_is_what_scikit_learn_says(size, threshold):
    draw = np.random.default_rng(0)
    truth, logits = draw.integers(0, 2, 60), draw.normal(size=60)
    p, decided = 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-logits)) >= threshold
    labels = torch.tensor(truth).float()[:, None]
    scores = scores_of(labels, torch.tensor(logits)[:, None], size=size, threshold=threshold).scores()
    expected = {
        "f1": sk.f1_score(truth, decided),
        "accuracy": sk.accuracy_score(truth, decided),
        "auroc": sk.roc_auc_score(truth, p),
        "average_precision": sk.average_precision_score(truth, p),
        "cohen_kappa": sk.cohen_kappa_score(truth, decided),
        "sensitivity": sk.recall_score(truth, decided),
        "specificity": sk.recall_score(truth, decided, pos_label=0),
    }
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert (scores["n"], scores["positives"]) == (60, truth.sum())


def test_several_logits_are_what_scikit_learn_says():
    draw = np.random.default_rng(1)
    truth, logits = draw.integers(0, 3, 50), draw.normal(size=(50, 3))
    scores = scores_of(torch.tensor(truth), torch.tensor(logits)).scores()
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert scores["f1"] == pytest.approx(sk.f1_score(truth, logits.argmax(1), average="macro"))
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(truth, logits.argmax(1)))
    assert scores["auroc"] == pytest.approx(sk.roc_auc_score(truth, p, multi_class="ovr"), abs=1e-6)


def test_slices_without_a_label_do_not_count():
    labels, logits = torch.tensor([[1.0], [-1.0], [0.0], [-1.0]]), torch.tensor([[1.0], [-9.0], [-1.0], [9.0]])
    assert scores_of(labels, logits).scores() == scores_of(labels[::2], logits[::2]).scores()


@pytest.mark.parametrize("key", ["f1", "auroc", "average_precision", "accuracy"])
@pytest.mark.parametrize("label", [0, 1, -1])
def test_one_class_only_gives_no_key_score(key, label):
    """All negative, all positive, all unknown; accuracy, and F1 of positives alone, have a value and say nothing."""
    metric = scores_of(torch.full((5, 1), float(label)), torch.ones(5, 1), key=key)
    assert np.isnan(metric.scores()["auroc"])
    assert np.isnan(metric.compute())


def test_reset_forgets():
    metric = scores_of(torch.ones(3, 1), torch.ones(3, 1))
    metric.reset()
    metric.update({"pred": torch.tensor([[-1.0]]), "label": torch.tensor([[0.0]])})
    assert metric.scores()["n"] == 1


def test_an_unknown_key_lists_the_choices():
    with pytest.raises(ValueError, match=r"\['accuracy'.*'f1'.*got 'F1'"):
        SliceScores("F1")


@pytest.mark.parametrize("key", ["n", "positives", "validation_loss", "key_score"])
def test_a_count_is_no_key_metric(key):
    with pytest.raises(ValueError, match=rf"one of \['accuracy', .*'specificity'\], got '{key}'"):
        SliceScores(key)


@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_validation_loss_is_the_mean_over_labeled_slices(size):
    draw = torch.Generator().manual_seed(0)
    labels, logits = torch.randint(-1, 2, (60, 1), generator=draw).float(), torch.randn(60, 1, generator=draw)
    metric = SliceScores(loss=SliceClassificationLoss())
    for batch in batches(labels, logits, size):
        metric.update(batch)
    expected = -torch.nn.functional.logsigmoid(torch.where(labels > 0, logits, -logits))[labels >= 0].mean()
    assert metric.scores()["validation_loss"] == pytest.approx(float(expected))


def test_the_evaluator_finds_the_best_epoch_and_all_scores():
    network, batch = toy_network().eval(), toy_batch([1, 0, 1, 0])
    evaluator = toy_evaluator(network, [batch], key_val_metric={"key_score": SliceScores("auroc")})
    with torch.no_grad():
        expected = sk.roc_auc_score([1, 0, 1, 0], network(batch["image"])[:, 0].numpy())
    for epoch in (1, 2):
        evaluator.run(epoch)
    assert evaluator.state.metrics["key_score"] == evaluator.state.metrics["auroc"] == pytest.approx(expected)
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (pytest.approx(expected), 1)
    assert evaluator.state.metrics["n"] == 4, "each epoch starts anew"


class Brightness(torch.nn.Module):
    """Calls a bright slice positive."""

    def forward(self, image):
        return image.mean(dim=(1, 2, 3))[:, None] - 0.5


def test_an_undefined_key_score_never_beats_a_defined_one():
    one_class, both = toy_batch([0, 0]), toy_batch([1, 0])
    both["image"][0], both["image"][1] = 1, 0
    evaluator = toy_evaluator(Brightness(), [one_class], key_val_metric={"key_score": SliceScores("auroc")})
    evaluator.run(1)
    assert evaluator.state.best_metric_epoch == -1, "the first epoch is not the best by default"
    for epoch, batch in ((2, both), (3, one_class)):
        evaluator.data_loader = [batch]
        evaluator.run(epoch)
    assert np.isnan(evaluator.state.metrics["auroc"])
    assert (evaluator.state.best_metric, evaluator.state.best_metric_epoch) == (1, 2)
