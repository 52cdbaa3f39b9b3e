"""Training ends where validation has not improved for a while, also when it is resumed."""

import json
from types import SimpleNamespace

import pytest
from conftest import ROOT
from ignite.engine import Engine

from bundle.handlers import EarlyStopping


def train(scores, patience, *, start=0, best=-1, interval=1):
    """Run an engine whose epoch k has the key metric scores[k - 1]; return the epoch at which it ended."""
    validator = SimpleNamespace(
        state=SimpleNamespace(best_metric_epoch=best, best_metric=max(scores[:start], default=-1))
    )
    engine = Engine(lambda engine, batch: None)

    @engine.on("STARTED")
    def restore(engine):
        engine.state.epoch = engine.state.iteration = start

    @engine.on("EPOCH_COMPLETED")
    def validate(engine):
        done = scores[: engine.state.epoch]
        known = [score for score in done if score is not None]
        validator.state.best_metric = max(known, default=-1)
        validator.state.best_metric_epoch = done.index(max(known)) + 1 if known else -1

    EarlyStopping(validator, patience, interval).attach(engine)
    return engine.run([0], max_epochs=len(scores)).epoch


@pytest.mark.parametrize(
    ("scores", "patience", "ended"),
    [
        ([0.1, 0.2, 0.3, 0.4], 1, 4),
        ([0.4, 0.3, 0.2, 0.1], 1, 2),
        ([0.4, 0.3, 0.2, 0.1], 3, 4),
        ([0.1, 0.5, 0.2, 0.3, 0.6, 0.7], 2, 4),
        ([0.1, 0.5, 0.2, 0.3, 0.6, 0.7], 3, 6),
        ([0.5, 0.5, 0.5], 2, 3),  # as good is not better
        ([None, None, None, 0.5], 1, 4),  # not validated yet
        ([0.5, 0.4, 0.3, 0.2], None, 4),
        ([0, 0, 0, 0, 0.5, 0.4], 1, 6),  # not learned yet
        ([0, 0, 0, 0], 2, 4),
        ([-0.2, -0.1, -0.3, -0.3, -0.3], 2, 5),  # Cohen's kappa of a network that is worse than chance
    ],
)
def test_ends_after_patience_epochs_without_a_better_one(scores, patience, ended):
    assert train(scores, patience) == ended


@pytest.mark.parametrize("start", [1, 2, 3, 4])
def test_a_resumed_run_stops_where_the_uninterrupted_one_does(start):
    scores = [0.1, 0.5, 0.2, 0.3, 0.9]
    best = 1 if start == 1 else 2
    assert train(scores, 2) == train(scores, 2, start=start, best=best) == 4


@pytest.mark.parametrize(("patience", "ended"), [(1, 8), (2, 12), (3, 15), (None, 15)])
def test_patience_counts_validations_and_training_never_ends_between_two(patience, ended):
    """A validation every fourth epoch; the first is the best."""
    scores = [None, None, None, 0.5, None, None, None, 0.4, None, None, None, 0.3, None, None, None]
    assert train(scores, patience, interval=4) == ended


def test_the_config_counts_validations_and_decides_ties():
    config = json.loads((ROOT / "configs/train.json").read_text())
    stopping = next(entry for entry in config["train"]["handlers"] if entry["_target_"].endswith("EarlyStopping"))
    assert stopping["interval"] == "@val_interval"
    assert config["validate"]["handlers"][0]["_target_"] == "bundle.handlers.BestEpoch"


def test_as_good_is_not_better_although_the_later_epoch_is_kept():
    state = SimpleNamespace(best_metric_epoch=7, best_since=4, best_metric=1.0)
    engine = Engine(lambda engine, batch: None)
    EarlyStopping(SimpleNamespace(state=state), 3).attach(engine)
    engine.state.epoch = 7
    EarlyStopping(SimpleNamespace(state=state), 3)(engine)
    assert engine.should_terminate


@pytest.mark.parametrize("patience", [0, -3])
def test_patience_below_one_is_refused(patience):
    with pytest.raises(ValueError, match=f"early_stopping must be 1 validation or more, got {patience}"):
        EarlyStopping(None, patience)
