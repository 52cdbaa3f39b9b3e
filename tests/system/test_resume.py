"""A killed run, continued, is the uninterrupted run."""

import shutil

import pytest
from support.bundle import (
    DEMO,
    LIGHT,
    TINY,
    TRAINING,
    checkpoint,
    ended,
    overlay,
    record,
    refused,
    same_bits,
    start,
    train,
)

# five iterations an epoch; torch.save writes model.pt where an epoch is the best one, then checkpoint.pt
MID_EPOCH = {"_target_": "support.probes.KillAtIteration", "iteration": 13}
WHILE_SAVING = {"_target_": "support.probes.KillInCall", "function": "torch.save", "call": 3}


@pytest.mark.parametrize(
    ("probe", "num_workers"), [(MID_EPOCH, 2), (WHILE_SAVING, 0)], ids=["mid-epoch", "while-saving"]
)
def test_a_killed_run_ends_bit_identical(phantoms, trained, tmp_path, probe, num_workers):
    folders = {"dataset_dir": phantoms, "output_dir": tmp_path, "cache_dir": phantoms.parent / "cache"}
    killer = overlay(tmp_path, **{"+train#handlers": [probe]})
    killed = start("train.json", DEMO, TINY, LIGHT, killer, **folders, **TRAINING, num_workers=num_workers)

    assert ended(killed)[0] == -9
    assert 0 < checkpoint(tmp_path)["progress"]["epoch"] < 3

    train(phantoms, tmp_path, LIGHT, num_workers=num_workers, resume=True)

    assert same_bits(checkpoint(tmp_path), checkpoint(trained))
    assert (tmp_path / "model.pt").read_bytes() == (trained / "model.pt").read_bytes()
    assert record(tmp_path)["metrics"] == record(trained)["metrics"]


def test_without_a_checkpoint_training_starts_fresh(phantoms, trained, tmp_path):
    train(phantoms, tmp_path, LIGHT, resume=True)

    assert same_bits(checkpoint(tmp_path), checkpoint(trained))


def test_another_seed_is_another_run(phantoms, trained, tmp_path):
    train(phantoms, tmp_path, LIGHT, seed=1)

    assert not same_bits(checkpoint(tmp_path), checkpoint(trained))


@pytest.fixture
def finished(trained, tmp_path):
    """The same run in a folder of its own."""
    return shutil.copytree(trained, tmp_path / "run")


def test_a_finished_run_stays_as_it_is(phantoms, trained, finished):
    train(phantoms, finished, LIGHT, resume=True)

    assert same_bits(checkpoint(finished), checkpoint(trained))


def test_resume_on_another_split_is_refused(phantoms, finished):
    with refused("Use the same split file, seed and data"):
        train(phantoms, finished, LIGHT, resume=True, split_seed=1)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("learning_rate", 0.1),
        ("max_epochs", 2),
        ("batch_size", 4),
        ("num_heads", 4),
        ("hidden_size", 16),
        ("position_encoding", "reference"),
    ],
)
def test_resume_with_other_settings_is_refused(phantoms, finished, knob, value):
    before = (finished / "run.json").read_bytes(), (finished / "checkpoint.pt").read_bytes()

    with refused(rf"settings must be .* got {knob} {value} \(started with"):
        train(phantoms, finished, LIGHT, resume=True, **{knob: value})

    assert ((finished / "run.json").read_bytes(), (finished / "checkpoint.pt").read_bytes()) == before
