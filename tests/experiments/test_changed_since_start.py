"""A folder that holds another run than its name says."""

import json

import pytest
from conftest import ROOT

from bundle.experiments import BundleRun, Experiment, changed_since_start, run_experiment
from bundle.workflow.command_line import CommandLine

LGMVIT, RELEVANCE = "configs/methods/lgmvit.yaml", "configs/attributions/relevance.yaml"


def started(folder, files=(LGMVIT,), **overrides):
    """Leave the record of a run, as RunRecord writes it."""
    paths = tuple(str(ROOT / file) for file in ("configs/train.json", *files))
    folder.mkdir(parents=True)
    merged = CommandLine(paths, {"output_dir": str(folder), "resume": True, **overrides}).merged()
    (folder / "config.json").write_text(json.dumps(merged))
    command = BundleRun("a", folder, ["configs/train.json", *files], overrides).commands()[0]
    (folder / "run.json").write_text(json.dumps({"command": command[2:]}))
    return merged


def run(folder, files=(LGMVIT,), **overrides):
    return BundleRun("a", folder, ["configs/train.json", *files], overrides)


def test_a_run_from_before_there_were_teachers_has_none(tmp_path):
    merged = started(tmp_path / "a")
    del merged["teacher"]
    (tmp_path / "a/config.json").write_text(json.dumps(merged))
    assert changed_since_start(run(tmp_path / "a")) == {}
    assert changed_since_start(run(tmp_path / "a", teacher="/b/model.pt")) == {"teacher": (None, "/b/model.pt")}


def test_a_run_that_drew_no_masks_said_so_by_null_by_0_or_by_no_word(tmp_path):
    merged = started(tmp_path / "a")
    for then in ({"self_training": None}, {"self_training": 0}, {}):
        content = {name: value for name, value in merged.items() if name != "self_training"} | then
        (tmp_path / "a/config.json").write_text(json.dumps(content))
        assert changed_since_start(run(tmp_path / "a")) == {}
        assert changed_since_start(run(tmp_path / "a", self_training=0)) == {}
        assert changed_since_start(run(tmp_path / "a", self_training=9)) == {"self_training": (0, 9)}


def test_the_same_run_on_another_machine_has_not_changed(tmp_path):
    started(tmp_path / "a", dataset_dir="/here", cache_dir="/here", fold=0, split_fractions=(0.5, 0.25, 0.25))
    again = run(tmp_path / "a", dataset_dir="/there", cache_dir="/there", fold=0, split_fractions=[0.5, 0.25, 0.25])
    assert changed_since_start(again) == {}


@pytest.mark.parametrize(
    ("files", "overrides", "changed"),
    [
        ([LGMVIT], {"max_epochs": 10}, {"max_epochs": (25, 10)}),
        ([LGMVIT], {"localization_weight": 250.0, "seed": 1}, {"localization_weight": (1000.0, 250.0), "seed": (0, 1)}),
        ([LGMVIT], {"beta": 0.5}, {"beta": (0.85, 0.5)}),
        ([], {"beta": 0.5}, {"config_file": None}),
        ([LGMVIT], {"attribution#beta": 0.1}, {"attribution": None}),
        ([LGMVIT, RELEVANCE], {}, {"config_file": None}),
    ],
)
def test_what_differs_is_named_with_both_values(files, overrides, changed, tmp_path):
    started(tmp_path / "a")
    found = changed_since_start(run(tmp_path / "a", files, **overrides))
    assert found.keys() == changed.keys()
    assert {name: pair for name, pair in changed.items() if pair} == {k: v for k, v in found.items() if changed[k]}


def test_what_was_taken_away_is_a_change(tmp_path):
    fractions = (0.5, 0.25, 0.25)
    started(tmp_path / "a", split_fractions=fractions, **{"train#trainer#max_epochs": 1, "num_workers": 2})
    assert changed_since_start(run(tmp_path / "a")).keys() == {"split_fractions", "train"}
    assert changed_since_start(run(tmp_path / "a", split_fractions=fractions, **{"train#trainer#max_epochs": 1})) == {}


def test_a_run_that_was_continued_from_its_record_is_the_same(tmp_path):
    started(tmp_path / "a", seed=3)
    command = ["monai/bundle/__main__.py", "run", "--config_file", str(tmp_path / "a/config.json")]
    (tmp_path / "a/run.json").write_text(json.dumps({"command": command}))
    assert changed_since_start(run(tmp_path / "a", seed=3)) == {}


def test_a_run_without_a_record_of_its_command_is_compared_by_its_config(tmp_path):
    started(tmp_path / "a", split_fractions=(0.5, 0.25, 0.25))
    (tmp_path / "a/run.json").unlink()
    assert changed_since_start(run(tmp_path / "a", seed=1)) == {"seed": (0, 1)}


@pytest.mark.parametrize("name", ["config.json", "run.json"])
def test_a_damaged_record_is_named(name, tmp_path):
    started(tmp_path / "a")
    (tmp_path / "a" / name).write_text("{")
    with pytest.raises(ValueError, match=rf"a/{name} must be JSON"):
        changed_since_start(run(tmp_path / "a"))


def test_a_newer_base_with_other_handlers_makes_no_other_run(tmp_path):
    merged = started(tmp_path / "a")
    merged["train"]["handlers"].pop()
    del merged["min_last_fraction"]
    (tmp_path / "a/config.json").write_text(json.dumps(merged))
    assert changed_since_start(run(tmp_path / "a")) == {}


def test_a_queue_refuses_to_go_on_with_another_run(tmp_path):
    experiment = Experiment("t", ["configs/train.json"], {"x": [LGMVIT]}, {"s": {"seed": 4}})
    started(tmp_path / "t/x/s", seed=4, max_epochs=10)
    with pytest.raises(ValueError, match=r"t/x/s: max_epochs was 10, is 25"):
        run_experiment(experiment, tmp_path, {})
