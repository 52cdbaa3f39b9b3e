"""history.csv: one row an epoch, whatever happens in between."""

import csv
from types import SimpleNamespace

import pytest
from ignite.engine import Engine, Events
from PIL import Image
from support.network import toy_batch, toy_evaluator, toy_network, toy_trainer
from support.runs import EPOCHS, ToyRun

from bundle.handlers import (
    EarlyStopping,
    EpochLosses,
    SliceScores,
    TrainingCheckpoint,
    TrainingHistory,
    read_history,
    training_history,
)


def cells(folder):
    """All rows as text, without the seconds."""
    with (folder / "history.csv").open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def train(folder, *, epochs=3, interval=1, **options):
    """MONAI's trainer with a validator that runs every `interval` epochs; a scheduler has no part in it."""
    network = toy_network()
    validator = toy_evaluator(
        network, [toy_batch([1, 0, 1], seed=9)], key_val_metric={"key_score": SliceScores("auroc")}
    )
    trainer = toy_trainer(network, [toy_batch(), toy_batch(seed=1)], [EpochLosses()], max_epochs=epochs)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=interval), lambda engine: validator.run(engine.state.epoch))
    TrainingHistory(folder, validator, **options).attach(trainer)
    trainer.run()
    return trainer, validator


def test_losses_scores_and_seconds_of_every_epoch(tmp_path):
    trainer, validator = train(tmp_path / "run")
    rows = read_history(tmp_path / "run")
    assert [(row["epoch"], row["max_epochs"], row["learning_rate"]) for row in rows] == [(k, 3, 0) for k in (1, 2, 3)]
    assert all(0 <= row["seconds"] < 60 for row in rows)
    assert rows[-1]["loss"] == trainer.state.metrics["loss"], "every digit"
    assert {name: rows[-1][name] for name in ("key_score", "auroc", "f1")} == {
        name: validator.state.metrics[name] for name in ("key_score", "auroc", "f1")
    }


def test_curves_are_drawn_when_training_ends_and_once_a_minute_before(tmp_path, monkeypatch):
    now, drawn = SimpleNamespace(seconds=100.0), []
    monkeypatch.setattr(training_history.time, "monotonic", lambda: now.seconds)
    monkeypatch.setattr(training_history, "training_curves", lambda rows, best: drawn.append((len(rows), best)))
    monkeypatch.setattr(training_history, "write_picture", lambda file, picture: drawn.append(file.name))
    engine = Engine(lambda engine, batch: setattr(now, "seconds", now.seconds + 25))
    TrainingHistory(tmp_path).attach(engine)
    engine.run([0], max_epochs=7)
    assert drawn == [(3, None), "curves.png", (6, None), "curves.png", (7, None), "curves.png"]


def test_the_picture_and_the_learning_rate_of_a_run(tmp_path):
    trainer, _ = train(tmp_path, epochs=2)
    assert Image.open(tmp_path / "curves.png").size == (840, 360)
    assert trainer.state.learning_rate == 0


def test_an_epoch_without_validation_has_empty_cells(tmp_path):
    train(tmp_path, epochs=4, interval=2)
    assert ["key_score" in row for row in read_history(tmp_path)] == [False, True, False, True]
    assert [bool(row["f1"]) for row in cells(tmp_path)] == [False, True, False, True]


def test_the_learning_rate_is_that_of_the_epoch_and_not_of_the_next(tmp_path):
    ToyRun(tmp_path)()
    rates = [row["learning_rate"] for row in read_history(tmp_path)]
    assert rates[0] == 1e-2
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == EPOCHS


class KilledError(RuntimeError):
    """Stands for a kill."""


@pytest.mark.parametrize(("victim", "rows"), [(TrainingHistory, 2), (TrainingCheckpoint, 3), (EarlyStopping, 3)])
def test_a_killed_and_resumed_run_has_the_rows_of_an_uninterrupted_one(victim, rows, tmp_path, monkeypatch):
    """A kill in the third epoch: before its row, between row and checkpoint, after both."""

    def killed(handler, engine):
        if engine.state.epoch == 3:
            raise KilledError
        return original(handler, engine)

    ToyRun(tmp_path / "whole", patience=EPOCHS)()
    original = victim.__call__
    with monkeypatch.context() as patch:
        patch.setattr(victim, "__call__", killed)
        run = ToyRun(tmp_path / "parts", patience=EPOCHS)
        with pytest.raises(KilledError):
            run()
    assert len(cells(tmp_path / "parts")) == rows
    ToyRun(tmp_path / "parts", patience=EPOCHS, resume=True)()
    assert cells(tmp_path / "parts") == cells(tmp_path / "whole")


def test_a_fresh_start_begins_an_empty_history(tmp_path):
    train(tmp_path, epochs=3)
    train(tmp_path, epochs=1)
    assert [row["epoch"] for row in read_history(tmp_path)] == [1]


def test_the_old_history_goes_when_the_first_epoch_starts(tmp_path):
    train(tmp_path, epochs=1)
    engine, seen = Engine(lambda engine, batch: seen.append((tmp_path / "history.csv").exists())), []
    TrainingHistory(tmp_path).attach(engine)
    engine.run([0])
    assert seen == [False]


def test_other_ranks_write_nothing(tmp_path):
    train(tmp_path, write=False)
    assert list(tmp_path.iterdir()) == []


def test_a_second_round_of_one_trainer_goes_on(tmp_path):
    """A federated client runs one trainer many times."""
    engine = Engine(lambda engine, batch: None)
    TrainingHistory(tmp_path).attach(engine)
    engine.run([0], max_epochs=1)
    engine.run([0], max_epochs=3)
    assert [row["epoch"] for row in read_history(tmp_path)] == [1, 2, 3]


def test_a_score_without_a_value_is_left_out(tmp_path):
    engine = Engine(lambda engine, batch: None)
    engine.add_event_handler("EPOCH_STARTED", lambda engine: engine.state.metrics.update(loss=float("nan")))
    TrainingHistory(tmp_path).attach(engine)
    engine.run([0])
    assert "loss" not in read_history(tmp_path)[0]


@pytest.mark.parametrize("content", ["epoch,loss\n1,abc\n", "epoch,loss\n,1\n", "loss\n1\n", "epoch,loss\n1,2,3\n"])
def test_a_damaged_history_is_named(content, tmp_path):
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(ValueError, match=r"history\.csv: .*restore or remove"):
        read_history(tmp_path)


def test_a_run_of_an_older_version_has_none(tmp_path):
    assert read_history(tmp_path) == []
