"""Shares of an experiment, and the script that runs one."""

from types import SimpleNamespace

import pytest
from conftest import ROOT
from support.processes import python

from bundle.experiments import Experiment, RunQueue, run_experiment

EXPERIMENT = Experiment("t", [], {"a": [], "b": []}, {"0": {}, "1": {}, "2": {}})


@pytest.fixture
def queued(monkeypatch):
    seen = SimpleNamespace(names=[])
    monkeypatch.setattr(RunQueue, "__call__", lambda queue: seen.names.extend(run.name for run in queue.runs) or [])
    return seen


def test_all_runs_by_default(queued, tmp_path):
    assert run_experiment(EXPERIMENT, tmp_path, {}) == []
    assert queued.names == ["a/0", "b/0", "a/1", "b/1", "a/2", "b/2"]


@pytest.mark.parametrize("parts", [1, 4, 6, 9])
def test_the_shares_are_all_runs_each_once(parts, queued, tmp_path):
    for part in range(1, parts + 1):
        run_experiment(EXPERIMENT, tmp_path, {}, only=f"{part}/{parts}")
    assert sorted(queued.names) == sorted(run.name for run in EXPERIMENT.runs(tmp_path))


@pytest.mark.parametrize("only", ["0/3", "4/3", "1", "a/b", "1/3/5", "-1/3", ""])
def test_what_is_no_share_is_refused(only, tmp_path):
    with pytest.raises(ValueError, match="i/n with 1 <= i <= n"):
        run_experiment(EXPERIMENT, tmp_path, {}, only=only)


def script(tmp_path, *options):
    command = [ROOT / "scripts/run_experiments.py", tmp_path / "t.yaml", "--dataset_dir", tmp_path]
    command += ["--output_dir", tmp_path / "runs", "--cache_dir", tmp_path / "cache", *options]
    return python(*command, cwd=tmp_path)


def test_the_script_reports_what_fails(tmp_path):
    """The knob is misspelled: the run says so at its end, and the status is 1."""
    (tmp_path / "t.yaml").write_text("base: [configs/train.json]\nrows: {a: []}\nrepeats: {x: {seed: 0}}\n")
    status, printed = script(tmp_path, "--max_epoch", "1", "--parallel", "1")
    assert status == 1
    assert "a/x: FAILED" in printed
    assert "did you mean 'max_epochs'?" in printed
    assert "1 runs failed: a/x" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--only", "3/2"], "i/n with 1 <= i <= n"), (["stray"], "the word 'stray'")],
)
def test_the_script_refuses_what_it_does_not_understand(options, message, tmp_path):
    (tmp_path / "t.yaml").write_text("base: [configs/train.json]\nrows: {a: []}\nrepeats: {x: {seed: 0}}\n")
    status, printed = script(tmp_path, *options)
    assert status != 0
    assert message in printed
    assert "Traceback" not in printed
