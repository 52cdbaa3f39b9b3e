"""How long and how much, after the first steps."""

import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from ignite.engine import Engine, Events

from bundle.handlers import RunEstimate, run_estimate


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when a batch is done."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(run_estimate.time, "monotonic", lambda: now.seconds)
    monkeypatch.setattr(run_estimate, "_memory_gb", lambda device: 1.23)
    return now


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="bundle")
    return lambda: [record.message for record in caplog.records if record.name == run_estimate.__name__]


def train(clock, *, epochs, length, seconds, validation=0, interval=1, first=0, **options):
    """Batches of some seconds, the first ten times as long; validation batches of a third."""
    engine, validator = Engine(lambda engine, batch: None), Engine(lambda engine, batch: None)
    validator.state.epoch_length = validation or None

    @engine.on("STARTED")
    def resume(engine):
        engine.state.epoch, engine.state.iteration = first, first * length

    @engine.on("ITERATION_COMPLETED")
    def step(engine):
        clock.seconds += seconds * (10 if engine.state.iteration == first * length + 1 else 1)

    RunEstimate(validator, interval, **options).attach(engine)

    @engine.on(Events.EPOCH_COMPLETED(every=interval))
    def validate(engine):
        clock.seconds += validation * seconds / 3

    engine.run(range(length), max_epochs=epochs)


def test_once_after_twenty_steps_without_the_slow_first(clock, lines):
    train(clock, epochs=5, length=30, seconds=2)
    assert lines() == ["Estimate after 20 steps: about 5 minutes for 5 epochs, 1.2 GB of memory."]


@pytest.mark.parametrize(("interval", "minutes"), [(1, 30), (5, 22)])
def test_validation_counts(clock, lines, interval, minutes):
    train(clock, epochs=10, length=60, seconds=2, validation=90, interval=interval)
    assert f"about {minutes} minutes for 10 epochs" in lines()[0]


def test_short_epochs_with_their_validations_count_too(clock, lines):
    train(clock, epochs=100, length=4, seconds=3, validation=6)
    assert "about 30 minutes for 100 epochs" in lines()[0]


def test_a_resumed_run_counts_what_is_left(clock, lines):
    train(clock, epochs=10, length=30, seconds=1, first=8)
    assert "about 60 seconds for 2 epochs" in lines()[0]


def test_hours_of_a_long_run(clock, lines):
    train(clock, epochs=100, length=36, seconds=10)
    assert "about 10.0 hours" in lines()[0]


def test_nothing_after_fewer_steps_and_on_other_ranks(clock, lines):
    train(clock, epochs=1, length=19, seconds=1)
    train(clock, epochs=1, length=30, seconds=1, show=False)
    assert lines() == []


def test_memory_of_this_process_and_of_a_gpu(monkeypatch):
    assert 0.05 < run_estimate._memory_gb(torch.device("cpu")) < 100
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 3e9)
    assert run_estimate._memory_gb(torch.device("cuda")) == 3
    monkeypatch.setitem(sys.modules, "resource", None)
    assert run_estimate._memory_gb(None) is None
