"""A run record holds what is needed to run again."""

import hashlib
import itertools
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import ROOT
from ignite.engine import Engine, Events

from bundle.workflow import RunRecord, run_record
from bundle.workflow.command_line import CommandLine
from bundle.workflow.compare import as_recorded
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
    run_of(tmp_path, epochs=2)
    (tmp_path / "metrics.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    again = run_of(tmp_path, epochs=2, resumed_after=2)
    assert (again["resumed"], again["metrics"]) == (None, {"loss": 0.5})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


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


PROGRAM = "/somewhere/monai/bundle/__main__.py"


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Start a run in one folder with today's configs; with `resume` as after a checkpoint of its first epoch."""
    monkeypatch.chdir(ROOT)

    def attempt(*overlays, resume=True, settings=None, **options):
        files = ["configs/train.json", *overlays]
        pairs = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        argv = [PROGRAM, "run", "--config_file", str(files), *pairs, *(["--resume", "True"] if resume else [])]
        monkeypatch.setattr(sys, "argv", argv)
        engine = Engine(lambda engine, batch: None)

        @engine.on(Events.STARTED)
        def restore(engine):
            engine.state.epoch = engine.state.iteration = int(resume)

        RunRecord(tmp_path / "run", settings, split_hash="a").attach(engine)
        engine.run([0], max_epochs=2)
        return tmp_path / "run"

    return attempt


@pytest.mark.parametrize(
    ("overlays", "options", "told"),
    [
        ([], {"num_heads": 6}, r"num_heads 6 \(started with 12\)"),
        ([], {"position_encoding": "reference"}, r"position_encoding reference \(started with sincos\)"),
        ([], {"store_dtype": "float32"}, "store_dtype float32"),
        ([], {"key_metric": "auroc"}, "key_metric auroc"),
        ([], {"finder#channels": ["t2", "t1", "flair"]}, r"finder#channels#0 t2 \(started with t1\)"),
        ([], {"optimizer#weight_decay": 0.5}, "optimizer#weight_decay 0.5"),
        ([], {"train#trainer#max_epochs": 3}, "train#trainer#max_epochs 3"),
        ([], {"train#inferer": "{'_target_': 'SlidingWindowInferer'}"}, "train#inferer .*SlidingWindowInferer"),
        (["configs/organ/square.yaml"], {}, "preprocessing#transforms#2"),
        (["configs/orientation/file_order.yaml"], {}, "orientation|preprocessing#transforms#1"),
        (["configs/datasets/lgg.yaml"], {}, "finder"),
        (["configs/beyond/last_blocks.yaml"], {}, "attribution"),
        (["configs/methods/res_g.yaml"], {}, "localization_loss"),
    ],
)
@pytest.mark.parametrize("resume", [True, False])
def test_another_network_data_or_training_is_refused_and_the_record_stays(attempt, overlays, options, told, resume):
    folder = attempt(resume=False)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match=f"settings must be those that the run in it was started with, got .*{told}"):
        attempt(*overlays, resume=resume, **options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_was_set_inside_the_wiring_must_be_set_again(attempt):
    option = {"train#trainer#max_epochs": 3}
    attempt(resume=False, **option)
    with pytest.raises(ValueError, match=r"train#trainer#max_epochs .* \(started with 3\)"):
        attempt()
    attempt(**option)


@pytest.mark.parametrize(
    "options",
    [
        {"dataset_dir": "/elsewhere", "cache_dir": "/other", "model_dir": "/weights", "finder#root": "/mnt"},
        {"device": "cpu", "amp": True, "num_workers": 3, "ingest_workers": 2},
        {"threshold": 0.5, "bootstrap_draws": 10},
    ],
)
def test_folders_machine_and_evaluation_may_change(attempt, options):
    attempt(resume=False)
    record = json.loads((attempt(**options) / "config.json").read_text())
    assert record["resume"] is True


def test_a_run_on_several_gpus_continues_on_one(attempt):
    attempt("configs/multi_gpu_train.json", resume=False)
    attempt()


def test_a_handler_that_an_overlay_appends_makes_no_other_run(attempt, tmp_path):
    (tmp_path / "more.json").write_text(json.dumps({"+train#handlers": [{"_target_": "Probe"}]}))
    attempt(str(tmp_path / "more.json"), resume=False)
    attempt()


def test_settings_are_the_plain_knobs_of_the_merged_config(attempt):
    settings = json.loads((attempt("configs/sizes/tiny.yaml", resume=False) / "run.json").read_text())["settings"]
    assert (settings["hidden_size"], settings["beta"], settings["max_epochs"]) == (128, 0.85, 25)
    assert not {"device", "dataset_dir", "resume", "threshold", "attribution"} & settings.keys()


RECORDS = sorted((ROOT / "docs/results").rglob("config.json"))


@pytest.mark.parametrize("record", RECORDS[:: max(1, len(RECORDS) // 12)], ids=lambda path: path.parent.name)
def test_a_run_of_version_0_1_is_the_same_run_today(record, attempt, tmp_path, monkeypatch):
    """By its own command, and it is still refused with another network."""
    shutil.copytree(record.parent, tmp_path / "run")
    run = json.loads((record.parent / "run.json").read_text())
    recorder = RunRecord(tmp_path / "run", split_hash=run["split_hash"])
    command_line = CommandLine.parse(run["command"][2:])
    recorder._require_same_run(run, as_recorded(command_line.merged()), command_line)
    other = replace(command_line, overrides={**command_line.overrides, "num_heads": 1})
    with pytest.raises(ValueError, match=r"num_heads 1 \(started with 4\)"):
        recorder._require_same_run(run, as_recorded(other.merged()), other)


def test_the_settings_of_a_record_without_config_are_compared_where_both_know_them(attempt, tmp_path):
    settings = {"normalise": "slice", "seed": 3, "beta": 0.85, "device": "cuda", "gone": 1}
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text(json.dumps({"settings": settings, "split_hash": "a"}))
    with pytest.raises(ValueError, match=r"got seed 0 \(started with 3\): use those"):
        attempt()


def test_given_settings_are_compared_as_resolved(attempt):
    attempt(resume=False, settings={"seed": 7})
    with pytest.raises(ValueError, match=r"got seed 8 \(started with 7\)"):
        attempt(settings={"seed": 8})
    attempt(settings={"seed": 7})


def test_a_complete_run_may_be_longer_and_says_so(attempt, tmp_path):
    folder = attempt(resume=False, max_epochs=2)
    record = json.loads((attempt(max_epochs=3) / "run.json").read_text())
    assert [(one["after_epoch"], one["max_epochs"]) for one in record["extended"]] == [(1, [2, 3])]
    assert record["settings"]["max_epochs"] == json.loads((folder / "config.json").read_text())["max_epochs"] == 3
    for options in ({"max_epochs": 2}, {"max_epochs": 4, "resume": False}, {"max_epochs": 4, "seed": 1}):
        with pytest.raises(ValueError, match=r"max_epochs \d \(started with 3\)|seed 1 \(started with 0\)"):
            attempt(**options)


def test_a_run_that_is_not_complete_keeps_its_length(attempt):
    path = attempt(resume=False, max_epochs=2) / "run.json"
    record = json.loads(path.read_text())
    del record["completed"]
    path.write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"max_epochs 3 \(started with 2\)"):
        attempt(max_epochs=3)


@pytest.mark.parametrize("knob", ["initial_weights", "pretrained", "teacher"])
def test_weights_at_the_start_are_recorded_with_their_hash(knob, attempt, tmp_path):
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"weights")
    record = json.loads((attempt(resume=False, **{knob: weights}) / "run.json").read_text())
    expected = {"file": str(weights), "sha256": hashlib.sha256(b"weights").hexdigest()}
    assert record[knob] == expected
    weights.unlink()  # what reads a teacher again says so
    again = json.loads((attempt(**{knob: weights}) / "run.json").read_text())
    assert again[knob] == expected
