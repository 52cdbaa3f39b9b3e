"""The best of equal epochs, with a real evaluator and checkpoint: resumed or not, several validations apart or not."""

import logging

import pytest
import torch
from support.network import toy_batch, toy_evaluator, toy_network, toy_trainer
from support.runs import ToyRun, differences

from bundle.handlers import BestEpoch, SliceScores, TrainingCheckpoint

LABELS = torch.tensor([0.0, 1.0, 0.0, 1.0])[:, None]
# logits of the four slices: what they are as F1 at 0.5 and average precision
NOTHING_FOUND = [-4.0, -3.0, -2.0, -1.0]  # F1 0, AP 5/6
NOTHING_FOUND_WELL_RANKED = [-4.0, -2.0, -3.0, -1.0]  # F1 0, AP 1
ONE_FOUND = [-4.0, 1.0, -3.0, -1.0]  # F1 2/3, AP 1
ALL_FOUND = [-1.0, 1.0, -1.0, 1.0]  # F1 1, AP 1


class Said(torch.nn.Module):
    """Says what it is told."""

    def forward(self, image):
        return image


def evaluator_of(key="f1"):
    metric = {"key_score": SliceScores(key)}
    return toy_evaluator(Said(), [], [BestEpoch()], key_val_metric=metric)


def validate(evaluator, epochs, *, labels=LABELS, first=1):
    """Validate once an epoch, with these logits; return (best epoch, since)."""
    for epoch, logits in enumerate(epochs, start=first):
        evaluator.data_loader = [{"image": torch.tensor(logits)[:, None], "label": labels}]
        evaluator.state.epoch_length = 1
        evaluator.run(epoch)
    return evaluator.state.best_metric_epoch, getattr(evaluator.state, "best_since", None)


@pytest.mark.parametrize(
    ("epochs", "best", "since"),
    [
        ([NOTHING_FOUND] * 4, 4, 1),
        ([NOTHING_FOUND, NOTHING_FOUND_WELL_RANKED, NOTHING_FOUND], 2, 2),
        ([NOTHING_FOUND_WELL_RANKED, NOTHING_FOUND, NOTHING_FOUND], 1, 1),
        ([NOTHING_FOUND, NOTHING_FOUND_WELL_RANKED, NOTHING_FOUND_WELL_RANKED], 3, 2),
        ([NOTHING_FOUND_WELL_RANKED, ONE_FOUND, NOTHING_FOUND_WELL_RANKED], 2, 2),
        ([ONE_FOUND, ALL_FOUND, ALL_FOUND, ONE_FOUND], 3, 2),
    ],
)
def test_average_precision_decides_then_the_later_epoch(epochs, best, since):
    assert validate(evaluator_of(), epochs) == (best, since)


@pytest.mark.parametrize("label", [0.0, 1.0, -1.0])
def test_validation_of_one_class_has_no_best_epoch(label, caplog):
    caplog.set_level(logging.INFO)
    evaluator = evaluator_of("accuracy")
    assert validate(evaluator, [ALL_FOUND, ONE_FOUND], labels=torch.full((4, 1), label)) == (-1, None)
    assert "nan" not in caplog.text
    assert validate(evaluator, [ONE_FOUND], first=3) == (3, 3), "the first that can be compared"


@pytest.mark.parametrize("momentum", [None, 0.1])
@pytest.mark.parametrize("label", [0, 1])
def test_model_has_the_last_weights_where_validation_has_one_class(label, momentum, tmp_path):
    """Healthy validation patients, or ill ones only; with a moving average too; also after a resume."""
    for epochs, resume in ((2, False), (4, True)):
        run = ToyRun(tmp_path, epochs=epochs, momentum=momentum, resume=resume)
        run.validator.data_loader = [toy_batch([label] * 4)]
        saved = run().state()["model.pt"]
        assert run.validator.state.best_metric_epoch == -1
        assert list(differences(saved, run.checkpoint.kept_network.state_dict())) == []


def test_a_resumed_run_decides_ties_as_the_uninterrupted_one(tmp_path):
    epochs = [NOTHING_FOUND, NOTHING_FOUND_WELL_RANKED, NOTHING_FOUND, NOTHING_FOUND]
    assert validate(evaluator_of(), epochs) == (2, 2)
    network = toy_network()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.ConstantLR(optimizer)
    parts = [evaluator_of(), evaluator_of()]
    checkpoints = [TrainingCheckpoint(tmp_path, network, optimizer, scheduler, part, True) for part in parts]
    trainer = toy_trainer(network, [], [])
    validate(parts[0], epochs[:2])
    trainer.state.epoch = 2
    checkpoints[0](trainer)
    checkpoints[1].restore(trainer)
    assert validate(parts[1], epochs[2:], first=3) == (2, 2)
