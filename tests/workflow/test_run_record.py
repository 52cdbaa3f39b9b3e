"""A run record holds what is needed to run again."""

import json
import subprocess
import sys

from ignite.engine import Engine

from bundle.workflow import RunRecord
from bundle.workflow.run_record import git_revision


def test_record_of_a_run(tmp_path, monkeypatch):
    (tmp_path / "train.json").write_text(json.dumps({"seed": 1, "width": 2}))
    program = "/somewhere/monai/bundle/__main__.py"
    monkeypatch.setattr(sys, "argv", [program, "run", "--config_file", str(tmp_path / "train.json"), "--seed", "7"])
    engine = Engine(lambda engine, batch: None)
    engine.state.metrics = {}
    RunRecord(tmp_path / "run", {"seed": 7}, split_hash="abc", bundle_root=tmp_path).attach(engine)
    engine.run([0, 1], max_epochs=3)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"] == {"seed": 7}
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
