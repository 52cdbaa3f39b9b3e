"""A run that is killed and continued is the run that was not, bit for bit; what does not fit is refused."""

import copy
import json
import math
import os

import pytest
import torch
from conftest import ROOT
from support.network import toy_batch, toy_network, toy_trainer
from support.runs import EPOCHS, ToyRun, differences
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, PolynomialLR, SequentialLR

from bundle.handlers import TrainingCheckpoint
from bundle.handlers.training_checkpoint import _lengths, _stretch


class Killed(BaseException):
    """What a signal does to a process, as far as one process can play it."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The state of the uninterrupted run."""
    return copy.deepcopy(ToyRun(tmp_path_factory.mktemp("whole"))().state())


def kill_at_iteration(run, iteration, monkeypatch):
    @run.trainer.on("ITERATION_COMPLETED")
    def kill(engine):
        if engine.state.iteration == iteration:
            raise Killed


def kill_while_saving(run, call, monkeypatch):
    """Die in the middle of a torch.save, with half a file written."""
    calls, save = iter(range(1, 100)), torch.save

    def half(content, file, *args, **kwargs):
        if next(calls) == call:
            file.write(b"half a checkpoint")
            raise Killed
        return save(content, file, *args, **kwargs)

    monkeypatch.setattr(torch, "save", half)


# three iterations an epoch; the first epoch saves model.pt, then checkpoint.pt
@pytest.mark.parametrize(
    ("kill", "when"),
    [(kill_at_iteration, 2), (kill_at_iteration, 3), (kill_at_iteration, 8), (kill_at_iteration, 15)]
    + [(kill_while_saving, call) for call in (1, 2, 3, 4)],
)
def test_a_killed_run_ends_bit_identical(kill, when, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        killed = ToyRun(tmp_path)
        kill(killed, when, patch)
        with pytest.raises(Killed):
            killed()
    torch.rand(7)  # another process has another random state
    resumed = ToyRun(tmp_path, resume=True)()
    assert list(differences(resumed.state(), whole)) == []


@pytest.mark.parametrize("first", [1, 3, 5])
def test_a_run_continued_later_ends_bit_identical(first, whole, tmp_path):
    ToyRun(tmp_path, epochs=first)()
    assert list(differences(ToyRun(tmp_path, resume=True)().state(), whole)) == []


def test_without_a_checkpoint_training_starts_fresh(whole, tmp_path):
    assert list(differences(ToyRun(tmp_path, resume=True)().state(), whole)) == []


def test_differences_are_seen(whole):
    other = copy.deepcopy(whole)
    other["network"]["head.bias"] += 1e-7
    other["best"][1] += 1
    assert list(differences(whole, other)) == [".network.head.bias", ".best.1"]


def test_the_best_epoch_is_known_before_the_first_new_epoch(tmp_path):
    before = ToyRun(tmp_path, epochs=2)()
    seen = []
    after = ToyRun(tmp_path, resume=True)
    after.trainer.add_event_handler(
        "EPOCH_STARTED",
        lambda: seen.append((after.validator.state.best_metric, after.validator.state.best_metric_epoch)),
    )
    after()
    assert seen[0] == (before.validator.state.best_metric, before.validator.state.best_metric_epoch)


def test_model_is_the_network_of_the_best_epoch(tmp_path):
    run = ToyRun(tmp_path)
    history = {}
    run.trainer.add_event_handler(
        "EPOCH_COMPLETED", lambda engine: history.update({engine.state.epoch: copy.deepcopy(run.network.state_dict())})
    )
    run()
    best = run.validator.state.best_metric_epoch
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert list(differences(saved, history[best])) == []
    run.network.load_state_dict(saved, strict=True)
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix == ".pt") == ["checkpoint.pt", "model.pt"]


def test_another_split_is_refused_and_the_record_keeps_its_split(tmp_path):
    ToyRun(tmp_path, epochs=1)()
    record = (tmp_path / "run.json").read_text()
    with pytest.raises(ValueError, match=r"split must be abc, .* checkpoint, got other.*Use the same split file"):
        ToyRun(tmp_path, resume=True, split_hash="other")()
    assert (tmp_path / "run.json").read_text() == record


def test_another_network_is_refused(tmp_path):
    ToyRun(tmp_path, epochs=1)()
    with pytest.raises(
        ValueError, match=r"checkpoint\.pt must hold weights of this network, got others \(hidden_size 8, here 16\)"
    ):
        ToyRun(tmp_path, resume=True, hidden_size=16)()


@pytest.mark.parametrize("content", [b"", b"half a checkpoint", "cut"])
def test_a_damaged_checkpoint_is_named(content, tmp_path):
    ToyRun(tmp_path, epochs=1)()
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-100] if content == "cut" else content)
    with pytest.raises(
        ValueError, match=r"checkpoint\.pt must be a file of weights, got .*: remove it, and the training starts again"
    ):
        ToyRun(tmp_path, resume=True)()


def test_a_pickle_that_runs_code_is_not_opened(tmp_path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(ran),)

    torch.save({"model": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(Exception, match="a pickle that could run code"):
        ToyRun(tmp_path, resume=True)()
    assert not ran.exists()


def test_a_complete_run_goes_on_along_a_longer_cosine(tmp_path):
    first = ToyRun(tmp_path, epochs=2, length=2)()
    assert first.optimizer.param_groups[0]["lr"] == pytest.approx(0)
    rates = []
    longer = ToyRun(tmp_path, epochs=4, length=4, resume=True)
    longer.trainer.add_event_handler(
        "EPOCH_STARTED", lambda engine: rates.append(longer.optimizer.param_groups[0]["lr"])
    )
    longer()
    expected = [1e-2 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in (2, 3)]
    assert rates == pytest.approx(expected)
    assert longer.optimizer.param_groups[0]["lr"] == pytest.approx(0)


def test_a_training_starts_from_initial_weights_and_resumes_from_its_checkpoint(tmp_path):
    source = ToyRun(tmp_path / "source", epochs=1)()
    run = ToyRun(tmp_path / "run", epochs=1, momentum=0.5)
    run.checkpoint.initial_weights = tmp_path / "source/model.pt"
    starts = []

    def note(engine):
        starts.append([copy.deepcopy(one.state_dict()) for one in (run.network, run.checkpoint.kept_network)])

    run.checkpoint.attach(run.trainer)  # again: the file is known since
    run.trainer.add_event_handler("EPOCH_STARTED", note)
    run()
    expected = torch.load(tmp_path / "source/model.pt", weights_only=True)
    assert [list(differences(one, expected)) for one in starts[0]] == [[], []]
    assert source.trainer.state.epoch == 1

    resumed = ToyRun(tmp_path / "run", epochs=1, momentum=0.5, resume=True)
    resumed.checkpoint.initial_weights = tmp_path / "not/there.pt"
    resumed()
    assert list(differences(resumed.network.state_dict(), run.network.state_dict())) == []


def test_weights_alone_are_no_checkpoint(tmp_path):
    ToyRun(tmp_path, epochs=1)()
    (tmp_path / "checkpoint.pt").write_bytes((tmp_path / "model.pt").read_bytes())
    with pytest.raises(ValueError, match=r"must be a checkpoint of this bundle, got one without \['localization_loss'"):
        ToyRun(tmp_path, resume=True)()


def test_a_kill_while_saving_leaves_no_file_of_a_strange_name(tmp_path, monkeypatch):
    run = ToyRun(tmp_path)
    kill_while_saving(run, 2, monkeypatch)
    with pytest.raises(Killed):
        run()
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".json") == ["history.csv", "model.pt"]


def test_a_run_that_had_stopped_early_trains_no_further_epoch(tmp_path):
    stopped = ToyRun(tmp_path, patience=1)()
    assert stopped.trainer.state.epoch < EPOCHS
    before = (tmp_path / "checkpoint.pt").read_bytes()
    resumed = ToyRun(tmp_path, patience=1, resume=True)()
    assert resumed.trainer.state.epoch == stopped.trainer.state.epoch
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_other_ranks_save_nothing(tmp_path):
    network = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    handler = TrainingCheckpoint(tmp_path, network, optimizer, None, None, save=False)
    trainer = toy_trainer(toy_network(), [toy_batch()], [handler])
    trainer.run()
    assert list(tmp_path.iterdir()) == []


def test_the_real_config_attaches_handlers_in_the_order_they_rely_on():
    """A checkpoint lacks nothing of its epoch; what it refuses leaves the record; a stopped run is seen as stopped."""
    handlers = json.loads((ROOT / "configs/train.json").read_text())["train"]["handlers"]
    names = [handler["_target_"].split(".")[-1] for handler in handlers]
    order = [
        "ValidationHandler",
        "LrScheduleHandler",
        "TrainingHistory",
        "TrainingCheckpoint",
        "EarlyStopping",
        "RunRecord",
    ]
    assert [name for name in names if name in order] == order
    weight_average = names.index("UpdateWeightAverage")
    assert weight_average < names.index("ValidationHandler")  # what is validated includes the epoch's last step
    assert names.index("EvidenceSplit") < names.index("LocalizationLoss")


@pytest.mark.parametrize(
    "schedule",
    [
        lambda optimizer, epochs: PolynomialLR(optimizer, total_iters=epochs),
        lambda optimizer, epochs: SequentialLR(
            optimizer, [ConstantLR(optimizer), CosineAnnealingLR(optimizer, epochs)], milestones=[epochs // 2]
        ),
    ],
)
def test_a_schedule_that_cannot_be_stretched_is_refused(schedule, tmp_path):
    network = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    schedules = [schedule(optimizer, epochs) for epochs in (4, 8)]
    assert _lengths(schedules[0]) != _lengths(schedules[1])
    with pytest.raises(ValueError, match="lr_scheduler must be CosineAnnealingLR to go on for more epochs, got"):
        _stretch(schedules[0], _lengths(schedules[1]))
