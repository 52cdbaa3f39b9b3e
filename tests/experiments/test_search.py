"""Searches whose trials are toys: a process writes a curve of validation scores instead of training."""

import importlib.util
import json
import os
import signal
import sys
import time
from dataclasses import replace

import pytest
import yaml
from conftest import ROOT
from support.processes import Forked
from support.runs import EXPERIMENT, ToySearch, TrialRun

from bundle.experiments import Search, SearchedKnob, grid_search, sampled_search, search_report
from bundle.experiments.sampled_search import open_study
from bundle.experiments.searched_knob import GRIDS

optuna = pytest.importorskip("optuna")


@pytest.fixture
def search(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["bundle.experiments.sampled_search"], "POLL_S", 0.05)
    return ToySearch(EXPERIMENT, "lgmvit", "fold0", [SearchedKnob("localization_weight", (1, 100, 5000))], tmp_path)


def test_a_row_with_a_teacher_is_not_searched(tmp_path):
    row = {"overlays": ["configs/methods/lgmvit.yaml"], "teacher": "first"}
    with pytest.raises(ValueError, match=r"row of a search must have no teacher, got lgmvit: search the row of its"):
        ToySearch(replace(EXPERIMENT, rows={"lgmvit": row}), "lgmvit", "fold0", [SearchedKnob("beta", (1,))], tmp_path)


def starts(search):
    return {folder.parent.name: len(folder.read_text()) for folder in search.folder.glob("*/starts")}


@pytest.mark.parametrize(
    ("text", "knob"),
    [
        ("beta", SearchedKnob("beta", GRIDS["beta"])),
        ("beta=0.5,1", SearchedKnob("beta", (0.5, 1))),
        ("attribution#beta=1e-3", SearchedKnob("attribution#beta", (0.001,))),
        ("localization_weight=0.01..5000", SearchedKnob("localization_weight", (), 0.01, 5000)),
    ],
)
def test_knobs_are_read(text, knob):
    assert SearchedKnob.parse(text) == knob
    assert knob.is_range == (".." in text)


@pytest.mark.parametrize("text", ["gamma", "beta=", "beta=a,b", "beta=1..", "beta=2..1", ""])
def test_what_is_no_knob_is_refused(text):
    with pytest.raises(ValueError, match="knob must be NAME=1,10,100"):
        SearchedKnob.parse(text)


def test_the_grids_hold_what_the_paper_chose():
    assert {0.1, 0.5, 50, 100, 250, 1000} <= set(GRIDS["localization_weight"])
    assert (min(GRIDS["localization_weight"]), max(GRIDS["localization_weight"])) == (0.01, 5000)
    assert {0.85, 0.95} <= set(GRIDS["beta"])
    assert (min(GRIDS["beta"]), max(GRIDS["beta"])) == (0, 1)


def test_trials_only_train_and_say_their_values(tmp_path):
    knobs = [SearchedKnob("localization_weight", (1, 10.5)), SearchedKnob("attribution#beta", (0.5, 1))]
    search = Search(EXPERIMENT, "lgmvit", "fold0", knobs, tmp_path, {"max_epochs": 10})
    runs = search.grid()
    assert [(run.overrides["localization_weight"], run.overrides["attribution#beta"]) for run in runs] == [
        (1, 0.5), (1, 1), (10.5, 0.5), (10.5, 1),
    ]  # fmt: skip
    assert len({run.output_dir for run in runs}) == 4
    for run in runs:
        (command,) = run.commands()
        assert "evaluate.json" not in str(command)
        assert run.overrides["max_epochs"] == 10
        assert run.output_dir.parent == tmp_path / "toy/lgmvit_fold0"


@pytest.mark.parametrize(
    ("row", "repeat", "knobs", "message"),
    [
        ("lgm", "fold0", [SearchedKnob("beta", (1,))], "one of lgmvit, got 'lgm'"),
        ("lgmvit", "fold9", [SearchedKnob("beta", (1,))], "one of fold0, got 'fold9'"),
        ("lgmvit", "fold0", [], "at least one knob"),
    ],
)
def test_a_search_of_nothing_is_refused(row, repeat, knobs, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Search(EXPERIMENT, row, repeat, knobs, tmp_path)


def test_a_grid_wants_values(tmp_path):
    with pytest.raises(ValueError, match="must be lists, got ranges of beta: write beta=1,10,100"):
        Search(EXPERIMENT, "lgmvit", "fold0", [SearchedKnob("beta", (), 0, 1)], tmp_path).grid()


def test_a_grid_finds_the_best_and_is_done_once(search):
    assert grid_search(search, parallel=2) == []
    assert [trial.values["localization_weight"] for trial in search.trials()] == [100, 5000, 1]
    table, overlay = search_report(search)
    assert table.columns == ["localization_weight", "best validation score", "at epoch", "epochs", "state"]
    assert table.rows[0] == ["100", "1.0000", "3", "3", "finished"]
    assert yaml.safe_load(overlay) == {"localization_weight": 100}
    assert "# tried: 1, 100, 5000" in overlay
    assert "lgmvit, fold0 of toy" in overlay
    assert grid_search(search) == []
    assert set(starts(search).values()) == {1}


def test_an_overlay_keeps_a_small_number_a_number(search):
    tiny = replace(search, knobs=[SearchedKnob("localization_weight", (1e-5,))])
    grid_search(tiny)
    assert yaml.safe_load(search_report(tiny)[1]) == {"localization_weight": 1e-5}


def test_a_value_of_many_digits_is_found_again(search):
    long = replace(search, knobs=[SearchedKnob.parse("localization_weight=21.544346900318843,215.44346900318843")])
    for run in long.grid():
        run.output_dir.mkdir(parents=True)
        config = {"localization_weight": run.overrides["localization_weight"]}
        (run.output_dir / "config.json").write_text(json.dumps(config))
    assert len(long.tried()) == 2


def test_a_trial_that_has_not_ended_does_not_win(search):
    grid_search(search)
    (search.folder / "localization_weight=100/run.json").unlink()
    assert search.trials()[0].values == {"localization_weight": 5000}
    assert search_report(search)[0].rows[-1][-1] == "ended early"


def test_a_grid_refuses_trials_of_other_settings(search):
    folder = search.trial({"localization_weight": 1}).output_dir
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"localization_weight": 1, "max_epochs": 99}))
    with pytest.raises(ValueError, match="max_epochs was 99, is 25"):
        grid_search(search)
    others = replace(search, knobs=[SearchedKnob("localization_weight", (7,))])
    for call in (grid_search, search_report, lambda search: sampled_search(search, trials=1)):
        with pytest.raises(ValueError, match="in localization_weight=1 max_epochs was 99, is 25"):
            call(others)  # trials of another length would be compared with it
    assert not list(search.folder.glob("*=7"))


def test_a_sampler_has_its_number_of_trials_over_several_calls(search):
    ranged = replace(search, knobs=[SearchedKnob("localization_weight", (), 0.01, 5000)])
    sampled_search(ranged, trials=2, seed=0)
    assert len(starts(ranged)) == 2
    sampled_search(ranged, trials=5, seed=1)
    sampled_search(ranged, trials=5, seed=2)
    assert len(starts(ranged)) == 5
    assert search_report(ranged)[0].rows[0][-1] == "finished"
    assert all(0.01 <= trial.values["localization_weight"] <= 5000 for trial in ranged.trials())


class FromTheThirdEpoch(optuna.pruners.BasePruner):
    """Prunes every trial."""

    def prune(self, study, trial):
        return (trial.last_step or 0) >= 3


def test_a_pruned_trial_ends_at_once(search, monkeypatch):
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **options: FromTheThirdEpoch())
    sampled_search(replace(search, settings={"max_epochs": 1000, "pause": 0.5}), trials=1)
    (trial,) = search.trials()
    assert 3 <= trial.epochs < 1000
    assert not trial.is_finished


def test_the_median_is_that_of_validation_scores(search):
    """Four good trials, then a bad one: it is pruned where the median stands above it."""
    weights = (90, 100, 110, 120, 0.01)
    quick = replace(search, knobs=[SearchedKnob("localization_weight", weights)])
    study = open_study(quick, seed=0)
    for weight in weights:
        study.enqueue_trial({"localization_weight": weight})
    sampled_search(quick, trials=4)
    sampled_search(replace(quick, settings={"max_epochs": 1000, "pause": 0.5}), trials=5)
    states = [trial.state.name for trial in open_study(quick, seed=0).trials]
    assert states == ["COMPLETE"] * 4 + ["PRUNED"]


def test_other_values_are_another_study(search):
    sampled_search(search, trials=1, seed=0)
    others = replace(search, knobs=[SearchedKnob("localization_weight", (7, 8))])
    sampled_search(others, trials=1, seed=0)
    assert len(starts(others)) == 2


def test_a_failed_trial_is_told_and_does_not_count(search, monkeypatch):
    monkeypatch.setattr(TrialRun, "commands", lambda run: [[sys.executable, "-c", "raise SystemExit('no memory')"]])
    sampled_search(search, trials=2)
    study = open_study(search, seed=0)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL"]
    with pytest.raises(ValueError, match="at least one finished trial"):
        search_report(search)


def test_two_processes_share_a_search(search, tmp_path):
    ranged = replace(search, knobs=[SearchedKnob("localization_weight", (), 0.01, 5000)])
    both = [Forked(["-c", SEARCH, tmp_path, 6, seed, "{}"], ROOT, os.environ) for seed in (1, 2)]
    ended = [(process.communicate()[0], process.returncode) for process in both]
    assert [status for _, status in ended] == [0, 0], ended
    assert 6 <= len(starts(ranged)) <= 7, "each may have been at work when the last one ended"
    assert set(starts(ranged).values()) == {1}
    assert (ranged.folder / "study.db").exists()


SEARCH = """
import json, sys
sys.path[:0] = [".", "tests"]
from pathlib import Path
from bundle.experiments import SearchedKnob, sampled_search
from support.processes import Forked
from support.runs import EXPERIMENT, ToySearch
knobs = [SearchedKnob("localization_weight", (), 0.01, 5000)]
folder, trials, seed, settings = sys.argv[1:]
search = ToySearch(EXPERIMENT, "lgmvit", "fold0", knobs, Path(folder), json.loads(settings))
sampled_search(search, int(trials), int(seed))
"""


def test_a_search_that_is_told_to_end_takes_the_same_trial_up_again(search, tmp_path):
    words = ["-c", SEARCH, tmp_path, "1", "0", '{"max_epochs": 400, "pause": 0.5}']
    process = Forked(words, ROOT, os.environ)
    try:
        while not starts(search) and process.poll() is None:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
    sampled_search(replace(search, knobs=[SearchedKnob("localization_weight", (), 0.01, 5000)]), trials=1, seed=5)
    assert list(starts(search).values()) == [2], "the same values, continued"


def test_the_script_reports_the_trials_that_ended_though_one_failed(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("search_script", ROOT / "scripts/search.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    commands = TrialRun.commands
    failing = [[sys.executable, "-c", "raise SystemExit('no memory')"]]
    monkeypatch.setattr(TrialRun, "commands", lambda run: failing if run.name.endswith("=1") else commands(run))
    monkeypatch.setattr(script, "Search", ToySearch)
    words = f"search.py {ROOT}/configs/experiments/table1_lgg.yaml lgmvit fold0 --knob localization_weight=1,10"
    monkeypatch.setattr(sys, "argv", [*words.split(), "--dataset_dir", str(tmp_path), "--output_dir", str(tmp_path)])
    with pytest.raises(SystemExit, match="1 trials failed: localization_weight=1"):
        script.main()
    folder = tmp_path / "table1_lgg/lgmvit_fold0"
    assert (folder / "trials.csv").read_text().splitlines()[1].startswith("10,0.9")
    assert yaml.safe_load((folder / "winner.yaml").read_text()) == {"localization_weight": 10}
    assert "no memory" in capsys.readouterr().out
