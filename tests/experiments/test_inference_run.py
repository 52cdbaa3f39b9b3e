"""Inference with the weights of a run."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from bundle.experiments import BundleRun, run_inference
from bundle.workflow.command_line import CommandLine


def fake(monkeypatch, *, code=0, cases=()):
    seen = []

    def run(command, *, cwd, **options):
        seen.append((CommandLine.read(["/lib/monai/bundle/__main__.py", *command[3:]]), Path(cwd)))
        for case in cases:
            folder = Path(seen[-1][0].overrides["output_dir"]) / case
            folder.mkdir(parents=True)
            (folder / "summary.json").touch()
        return SimpleNamespace(returncode=code, stdout="printed", stderr="Traceback: no weights")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_the_folders_of_the_cases_come_back(monkeypatch, tmp_path):
    seen = fake(monkeypatch, cases=["b", "a", ".half"])
    run = BundleRun("lgmvit/0", tmp_path / "run", [])
    images = [["/d/t1.nii", "/d/t2.nii"], "/d/x.nii"]
    folders = run_inference(run, images, tmp_path / "out", ["configs/sizes/tiny.yaml"])
    assert folders == [tmp_path / "out/a", tmp_path / "out/b"]
    ((command_line, root),) = seen
    assert command_line.files == ("configs/inference.json", "configs/sizes/tiny.yaml")
    assert command_line.overrides == {
        "dataset_dir": images,
        "checkpoint": str(tmp_path / "run/model.pt"),
        "output_dir": str(tmp_path / "out"),
    }
    assert (root / "configs/inference.json").exists()


def test_a_failure_says_what_was_printed(monkeypatch, tmp_path):
    fake(monkeypatch, code=1)
    with pytest.raises(RuntimeError, match=r"inference with a failed:\nprinted\nTraceback: no weights"):
        run_inference(BundleRun("a", tmp_path, []), ["/d/x.nii"], tmp_path, [])
