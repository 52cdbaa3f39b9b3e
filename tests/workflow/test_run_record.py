"""A run record holds what is needed to run again."""

import itertools
import json
import subprocess
import sys

import pytest
from ignite.engine import Engine, Events

from bundle.workflow import RunRecord, run_record
from bundle.workflow.run_record import git_revision


def test_record_of_a_run(tmp_path, monkeypatch):
    (tmp_path / "train.json").write_text(json.dumps({"seed": 1, "width": 2}))
    program = "/somewhere/monai/bundle/__main__.py"
    monkeypatch.setattr(sys, "argv", [program, "run", "--config_file", str(tmp_path / "train.json"), "--seed", "7"])
    engine = Engine(lambda engine, batch: None)
    engine.state.metrics = {}
    cases = {"train": ["a", "b"], "val": ["c"]}
    RunRecord(tmp_path / "run", {"seed": 7}, split_hash="abc", bundle_root=tmp_path, cases=cases).attach(engine)
    engine.run([0, 1], max_epochs=3)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"] == {"seed": 7}
    assert json.loads((tmp_path / "run" / "split.json").read_text()) == cases
    assert record["split_hash"] == "abc"
    assert record["epochs"] == 3
    assert record["started"] <= record["completed"]
    assert record["versions"]["monai"].startswith("1.6")
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == {"seed": 7, "width": 2}


def test_other_ranks_write_nothing(tmp_path):
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path / "run", {}, write=False).attach(engine)
    engine.run([0])
    assert not (tmp_path / "run").exists()


def test_git_revision_marks_changes(tmp_path):
    assert git_revision(tmp_path) is None

    def git(*arguments):
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init")
    git("-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "--allow-empty", "-m", "first")
    clean = git_revision(tmp_path)
    assert clean is not None
    assert not clean.endswith("+")


def run_of(folder, *, epochs, resumed_after=0, loss=0.5):
    """Run an engine that goes on after an epoch, as a checkpoint would let it; return the record."""
    engine = Engine(lambda engine, batch: None)

    @engine.on(Events.STARTED)
    def restore(engine):
        engine.state.epoch = engine.state.iteration = resumed_after

    @engine.on(Events.EPOCH_COMPLETED)
    def learn(engine):
        engine.state.metrics["loss"] = loss

    RunRecord(folder, {}).attach(engine)
    engine.run([0], max_epochs=epochs)
    return json.loads((folder / "run.json").read_text())


def test_a_complete_run_that_is_resumed_keeps_its_record(tmp_path):
    first = run_of(tmp_path, epochs=2)
    again = run_of(tmp_path, epochs=2, resumed_after=2)
    assert (first["resumed"], first["metrics"]) == (None, {"loss": 0.5})
    assert (again["started"], again["metrics"], again["epochs"]) == (first["started"], {"loss": 0.5}, 2)
    assert again["resumed"] is not None


def test_a_resumed_run_records_what_it_brought(tmp_path, monkeypatch):
    monkeypatch.setattr(run_record, "now", map(str, itertools.count(1)).__next__)
    first = run_of(tmp_path, epochs=1)
    record = run_of(tmp_path, epochs=3, resumed_after=1, loss=0.25)
    assert record["started"] == first["started"]
    assert int(first["completed"]) < int(record["resumed"]) < int(record["completed"])
    assert (record["metrics"], record["epochs"]) == ({"loss": 0.25}, 3)


def test_a_continued_run_keeps_the_revisions_it_was_trained_at(tmp_path, monkeypatch):
    revisions = iter(["one", "one", "two", "three"])
    monkeypatch.setattr(run_record, "git_revision", lambda folder: next(revisions))
    records = [run_of(tmp_path, epochs=epoch + 1, resumed_after=epoch) for epoch in range(4)]
    assert records[-1]["git_revision"] == "three"
    assert [record["earlier_revisions"] for record in records] == [[], ["one"], ["one"], ["one", "two"]]


def test_a_fresh_run_in_the_same_folder_starts_a_new_record(tmp_path):
    run_of(tmp_path, epochs=2)
    assert run_of(tmp_path, epochs=1, loss=2.0)["resumed"] is None


def test_a_new_run_drops_the_scores_of_the_old_weights(tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {}).attach(engine)
    engine.run([0])
    assert not (tmp_path / "metrics.json").exists()


def test_a_new_run_does_not_overwrite_one_of_another_split(tmp_path, monkeypatch):
    """Killed before its first epoch it would leave the old weights beside the new split's record."""
    (tmp_path / "run.json").write_text(json.dumps({"split_hash": "old"}))
    (tmp_path / "train.json").write_text("{}")
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {}, split_hash="new").attach(engine)
    program = "/somewhere/monai/bundle/__main__.py"
    monkeypatch.setattr(sys, "argv", [program, "run", "--config_file", str(tmp_path / "train.json")])
    with pytest.raises(ValueError, match=r"split_hash new \(started with old\)"):
        engine.run([0])
    monkeypatch.setattr(sys, "argv", ["monailabel"])  # it trains in place, on whatever was annotated by then
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {}, split_hash="new").attach(engine)
    engine.run([0])
    assert json.loads((tmp_path / "run.json").read_text())["split_hash"] == "new"


def test_a_new_run_does_not_take_over_the_folder_of_one_with_other_settings(tmp_path, monkeypatch):
    """Killed before its first epoch and resumed, it would go on with the other run's weights."""
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"localization_weight": 0}, "split_hash": "a"}))
    (tmp_path / "train.json").write_text("{}")
    program = "/somewhere/monai/bundle/__main__.py"
    monkeypatch.setattr(sys, "argv", [program, "run", "--config_file", str(tmp_path / "train.json")])
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {"localization_weight": 1000}, split_hash="a").attach(engine)
    with pytest.raises(ValueError, match=r"localization_weight 1000 \(started with 0\)"):
        engine.run([0])
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {"localization_weight": 0}, split_hash="a").attach(engine)
    engine.run([0])


@pytest.mark.parametrize("entry", ["attribution", "localization_loss", "augmentation"])
def test_a_resumed_run_keeps_the_map_loss_and_augmentation_that_an_overlay_gave_it(entry, tmp_path, monkeypatch):
    overlay = [{"_target_": "Other"}]
    for name, value in {"run/config": overlay, "overlay": overlay, "train": None}.items():
        (tmp_path / f"{name}.json").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text(json.dumps({entry: value, name: "may be another one"}))
    (tmp_path / "run/run.json").write_text(json.dumps({"settings": {"seed": 0}, "split_hash": ""}))

    def resume(file):
        argv = ["/somewhere/monai/bundle/__main__.py", "run", "--config_file", str(tmp_path / file), "--resume", "True"]
        monkeypatch.setattr(sys, "argv", argv)
        engine = Engine(lambda engine, batch: None)
        RunRecord(tmp_path / "run", {"seed": 0}).attach(engine)
        engine.run([0])

    resume("overlay.json")
    with pytest.raises(ValueError, match=rf"got {entry} None \(started with \[\{{'_target_': 'Other'\}}\]\)"):
        resume("train.json")


def test_another_run_is_named_by_all_that_differs(tmp_path, monkeypatch):
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"seed": 0, "beta": 0.5}, "split_hash": "a"}))
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "train.json").write_text("{}")
    program = "/somewhere/monai/bundle/__main__.py"
    monkeypatch.setattr(sys, "argv", [program, "run", "--config_file", str(tmp_path / "train.json")])
    engine = Engine(lambda engine, batch: None)
    RunRecord(tmp_path, {"seed": 1, "beta": 0.5}, split_hash="b").attach(engine)
    with pytest.raises(ValueError, match=r"got seed 1 \(started with 0\), split_hash b \(started with a\): use those"):
        engine.run([0])
    assert (tmp_path / "metrics.json").exists()
