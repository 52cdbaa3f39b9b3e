"""One line per epoch, or one bar, and the time that is left."""

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from ignite.engine import Engine

from bundle.handlers import RunProgress, run_progress

SECONDS_A_BATCH = 10.0


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when a batch is done."""
    now = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(run_progress.time, "monotonic", lambda: now.seconds)
    return now


def engine_of(clock, *, first=0, validator=None, show=True, fails_at=None):
    """An engine whose batches take ten seconds, that goes on after epoch `first` of two batches each."""
    engine = Engine(lambda engine, batch: None)

    @engine.on("STARTED")
    def resume(engine):
        engine.state.epoch, engine.state.iteration = max(first, engine.state.epoch), 2 * max(first, engine.state.epoch)
        engine.state.metrics["loss"] = 0.25

    @engine.on("ITERATION_COMPLETED")
    def take_time(engine):
        clock.seconds += SECONDS_A_BATCH
        if engine.state.iteration == fails_at:
            raise RuntimeError("diverged")

    RunProgress(validator, show=show).attach(engine)
    return engine


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="bundle")
    return lambda: [record.message for record in caplog.records if record.name == run_progress.__name__]


def test_without_a_terminal_a_line_per_epoch(clock, lines):
    validator = Engine(lambda engine, batch: None)
    engine = engine_of(clock, validator=validator)

    @engine.on("EPOCH_STARTED")
    def validated(engine):
        validator.state.epoch, validator.state.metrics = min(engine.state.epoch, 2), {"f1": 2 / 3, "unknown": 1}

    engine.run([0, 1], max_epochs=3)
    assert lines() == [
        "epoch 1/3: loss 0.25, f1 0.6667, 0:00:40 left",
        "epoch 2/3: loss 0.25, f1 0.6667, 0:00:20 left",
        "epoch 3/3: loss 0.25, 0:00:00 left",  # not validated: older scores are none of its
    ]


def test_within_a_long_epoch_a_line_a_minute(clock, lines):
    engine_of(clock).run(range(15), max_epochs=1)
    assert lines() == [
        "epoch 1/1, batch 6/15: 0:01:30 left",
        "epoch 1/1, batch 12/15: 0:00:30 left",
        "epoch 1/1: loss 0.25, 0:00:00 left",
    ]


def test_within_a_long_validation_a_line_a_minute(clock, lines):
    validator = Engine(lambda engine, batch: None)
    validator.add_event_handler("ITERATION_COMPLETED", lambda _: setattr(clock, "seconds", clock.seconds + 25))
    engine = engine_of(clock, validator=validator)
    engine.add_event_handler("EPOCH_STARTED", lambda _: validator.run(range(7)))
    engine.run([0, 1], max_epochs=1)
    assert lines()[:2] == ["epoch 1, validation batch 3/7", "epoch 1, validation batch 6/7"]


def test_after_a_resume_the_time_left_is_right_at_once(clock, lines):
    engine_of(clock, first=7).run([0, 1], max_epochs=10)
    assert lines()[0] == "epoch 8/10: loss 0.25, 0:00:40 left"


def test_a_second_round_has_a_rate_of_its_own(clock, lines):
    """A federated client runs one trainer many times and waits in between."""
    engine = engine_of(clock)
    engine.run([0, 1], max_epochs=1)
    clock.seconds += 3600
    engine.run([0, 1], max_epochs=3)
    assert lines()[1] == "epoch 2/3: loss 0.25, 0:00:20 left"


class Bar:
    """Stands for tqdm."""

    made = ()

    def __init__(self, total, initial, **options):
        self.total, self.n, self.text, self.closed = total, initial, "", False
        Bar.made = [*Bar.made, self]

    def update(self):
        self.n += 1

    def set_postfix_str(self, text):
        self.text = text

    def close(self):
        self.closed = True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(run_progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(run_progress, "tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [])


@pytest.mark.parametrize("first", [0, 2])
def test_on_a_terminal_one_bar_for_the_whole_run(terminal, clock, lines, first):
    engine_of(clock, first=first).run([0, 1], max_epochs=3)
    (bar,) = Bar.made
    assert (bar.total, bar.n, bar.text, bar.closed) == (6, 6, "epoch 3, loss 0.25", True)
    assert lines() == []


def test_a_bar_starts_where_the_run_stands(terminal, clock):
    with pytest.raises(RuntimeError, match="diverged"):
        engine_of(clock, first=2, fails_at=5).run([0, 1], max_epochs=4)
    (bar,) = Bar.made
    assert (bar.n, bar.closed) == (4, True), "an error closes the bar and is not swallowed"


def test_other_ranks_are_silent(terminal, clock, lines):
    engine_of(clock, show=False).run([0, 1], max_epochs=2)
    assert (Bar.made, lines()) == ([], [])


def test_time_left_before_the_first_batch(clock):
    engine = Engine(lambda engine, batch: None)
    engine.state.max_epochs, engine.state.epoch_length = 2, 3
    assert RunProgress().time_left(engine) == timedelta(0)
