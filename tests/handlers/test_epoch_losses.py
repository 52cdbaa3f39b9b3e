"""Averages of an epoch."""

import pytest
import torch
from ignite.engine import Engine
from support.ranks import on_ranks

from bundle.handlers import EpochLosses


def engine_of(outputs):
    """An engine whose iterations have these outputs."""
    engine = Engine(lambda engine, batch: {name: torch.tensor(value) for name, value in outputs[batch].items()})
    EpochLosses().attach(engine)
    return engine


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([{"loss": 1.0}, {"loss": 2.0}, {"loss": 6.0}], {"loss": 3.0}),
        ([{"loss": 2.0, "localization_loss": 0.5, "other": 9.0}], {"loss": 2.0, "localization_loss": 0.5}),
        ([{"loss": float("nan")}, {"loss": 1.0}], {"loss": float("nan")}),
    ],
)
def test_mean_of_the_losses_that_are_there(outputs, expected):
    metrics = engine_of(outputs).run(range(len(outputs))).metrics
    assert metrics == pytest.approx(expected, nan_ok=True)


def test_an_epoch_does_not_remember_the_last_one():
    means = []
    values = iter([1.0, 3.0, 10.0, 20.0])
    engine = Engine(lambda engine, batch: {"loss": torch.tensor(next(values))})
    EpochLosses().attach(engine)
    engine.add_event_handler("EPOCH_COMPLETED", lambda engine: means.append(engine.state.metrics["loss"]))
    engine.run([0, 1], max_epochs=2)
    assert means == [2.0, 15.0]


def test_the_graph_of_a_loss_is_not_kept():
    weight = torch.ones((), requires_grad=True)
    engine = Engine(lambda engine, batch: {"loss": weight * 2})
    losses = EpochLosses()
    losses.attach(engine)
    engine.run([0])
    assert not losses._sums["loss"].requires_grad


def test_ranks_are_averaged(monkeypatch):
    ranks = [lambda: engine_of([{"loss": 1.0}, {"loss": 3.0}]).run([0, 1]).metrics["loss"]]
    ranks += [lambda: engine_of([{"loss": 7.0}, {"loss": 9.0}]).run([0, 1]).metrics["loss"]]
    assert on_ranks(monkeypatch, *ranks) == [5.0, 5.0]
