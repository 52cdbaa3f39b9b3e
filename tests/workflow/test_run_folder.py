"""A folder is trained in by one process at a time, and by what fits its record."""

import json
import os

import pytest
import torch
from conftest import ROOT
from support.processes import Forked

from bundle.workflow import hold_run_folder, last_line, run_folder

ARGV = ["/lib/monai/bundle/__main__.py", "run", "--config_file", str(ROOT / "configs/train.json")]
OTHER = """
import sys, time
from pathlib import Path
from bundle.workflow import hold_run_folder
hold_run_folder(sys.argv[1], sys.argv[1], argv=sys.argv[2:])
(Path(sys.argv[1]) / "held").touch()
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def released(monkeypatch):
    monkeypatch.setattr(run_folder, "_held", {})
    monkeypatch.setitem(last_line._settings, "folder", None)
    yield
    run_folder._leave_to_parent()


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    other = Forked(["-c", OTHER, tmp_path, *ARGV], ROOT, os.environ)
    try:
        while not (tmp_path / "held").exists():
            assert other.poll(timeout=0.05) is None
        with pytest.raises(RuntimeError, match=f"^{tmp_path} must be free .* at work in it .process {other.pid} on"):
            hold_run_folder(tmp_path, tmp_path, argv=ARGV)
    finally:
        other.kill()
        other.wait()
    hold_run_folder(tmp_path, tmp_path, argv=ARGV)
    hold_run_folder(tmp_path, tmp_path, argv=ARGV)  # this process holds it
    assert last_line._settings["folder"] == tmp_path


def test_what_a_kill_left_is_removed(tmp_path):
    left = ["tmp0ab1_x9z", ".0ab1c2d3.part-model.pt"]
    for name in left:
        (tmp_path / name).touch()
    (tmp_path / ".0ab1c2d3.part-case").mkdir()
    (tmp_path / "model.pt").touch()
    hold_run_folder(tmp_path, tmp_path, argv=ARGV)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "model.pt"]


def test_other_ranks_and_other_programs_hold_nothing(tmp_path):
    hold_run_folder(tmp_path / "run", tmp_path / "run", write=False, argv=ARGV)
    hold_run_folder(tmp_path / "run", tmp_path / "run", argv=["monailabel"])
    assert list(tmp_path.iterdir()) == []


def test_other_settings_are_refused_and_leave_no_file(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({"settings": {"position_encoding": "sincos"}}))
    with pytest.raises(ValueError, match=r"got position_encoding learned \(started with sincos\)"):
        hold_run_folder(tmp_path, tmp_path, argv=[*ARGV, "--position_encoding", "learned", "--resume", "True"])
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize("knob", ["initial_weights", "pretrained"])
def test_weights_at_the_start_are_read_before_any_case(knob, tmp_path):
    weights = tmp_path / "model.pt"
    argv = [*ARGV, f"--{knob}", str(weights)]
    with pytest.raises(FileNotFoundError, match="got no file"):
        hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)
    torch.save({"a": torch.zeros(1)}, weights)
    hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)
    (tmp_path / "run/checkpoint.pt").touch()
    weights.unlink()
    hold_run_folder(tmp_path / "run", tmp_path / "run", argv=[*argv, "--resume", "True"])


def test_a_teacher_must_know_the_slices_of_this_training(tmp_path):
    weights = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(1)}, weights)
    argv = [*ARGV, "--teacher", str(weights)]
    with pytest.raises(FileNotFoundError, match=r"config\.json must tell of the run of the teacher .*model\.pt, got"):
        hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)
    config = json.loads((ROOT / "configs/train.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_size": 96, "max_epochs": 3}))
    hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)
    (tmp_path / "config.json").write_text(json.dumps({**config, "image_size": 128, "mask_values": [2]}))
    told = r"slices of the same form, got others \(image_size 128, here 256, mask_values \[2\], here None\)"
    with pytest.raises(ValueError, match=told):
        hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch, caplog):
    def fail(descriptor, blocking):
        raise OSError("no locks")

    monkeypatch.setattr("filelock.lock_descriptor", fail)
    hold_run_folder(tmp_path, tmp_path, argv=ARGV)
    assert "start one training in it at a time" in caplog.text


def test_a_teacher_is_looked_at_again_when_a_run_is_continued(tmp_path):
    weights = tmp_path / "model.pt"
    argv = [*ARGV, "--teacher", str(weights), "--resume", "True"]
    (tmp_path / "run").mkdir()
    (tmp_path / "run/checkpoint.pt").touch()
    with pytest.raises(FileNotFoundError, match="got no file"):
        hold_run_folder(tmp_path / "run", tmp_path / "run", argv=argv)


@pytest.mark.parametrize("then", [None, "a1"])
def test_a_teacher_that_is_another_one_now_is_refused(then, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "model.pt")
    record = {"settings": {}, "teacher": then and {"file": "model.pt", "sha256": then}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    argv = [*ARGV, "--teacher", str(tmp_path / "model.pt"), "--resume", "True"]
    with pytest.raises(ValueError, match=rf"got teacher \(SHA-256\) [0-9a-f]{{64}} \(started with {then}\)"):
        hold_run_folder(tmp_path, tmp_path, argv=argv)


def test_channels_in_another_order_are_other_slices(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "model.pt")
    config = json.loads((ROOT / "configs/train.json").read_text())
    config["finder"]["channels"] = ["t2", "t1", "flair"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"others \(finder#channels#0 't2', here 't1', finder#channels#1 't1', here"):
        hold_run_folder(tmp_path / "run", tmp_path / "run", argv=[*ARGV, "--teacher", str(tmp_path / "model.pt")])
