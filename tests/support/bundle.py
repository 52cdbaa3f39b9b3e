"""The command line of the bundle, small: in this process where a start of Python is not the point, else in its own."""

import json
import os
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from monai.bundle import __main__ as monai_bundle
from support.processes import Forked

from bundle.handlers import attribution_images, case_results, training_history

NETWORK = {"image_size": 32, "patch_size": 8, "hidden_size": 32, "num_layers": 2, "num_heads": 2}
TRAINING = {**NETWORK, "smoothing_kernel": 7, "batch_size": 8, "max_epochs": 3, "bootstrap_draws": 10}
DEMO, TINY = "datasets/demo.yaml", "sizes/tiny.yaml"
LIGHT, DATALIST = "augmentation/light.yaml", "datasets/datalist.yaml"


@pytest.fixture(autouse=True)
def quick_pictures(monkeypatch):
    """Leave pictures of runs in this process blank: to draw them takes longer than all else that a tiny run does."""
    for handler, drawing in (
        (attribution_images, "overlay_panel"), (case_results, "case_picture"), (training_history, "training_curves"),
    ):  # fmt: skip
        monkeypatch.setattr(handler, drawing, lambda *_: np.zeros((3, 4, 5), np.uint8))


def arguments(files, settings):
    """What stands behind `python -m monai.bundle` on the command line."""
    paths = [str(file) if Path(file).is_absolute() else f"configs/{file}" for file in files]
    values = {name: str(value) if isinstance(value, str | Path) else repr(value) for name, value in settings.items()}
    options = [text for name, value in values.items() for text in (f"--{name}", value)]
    return ["run", "--config_file", repr(paths), *options]


def run(*files, **settings):
    """Run the command line in this process; logging stays as pytest set it."""
    argv = [monai_bundle.__file__, *arguments(files, {"logging_file": False, **settings})]
    with mock.patch.object(sys, "argv", argv), mock.patch.object(sys, "path", [*sys.path]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="parsing config_file")
        runpy.run_path(monai_bundle.__file__, run_name="__main__")


def overlay(folder, **content):
    """Write an overlay; MONAI appends with `+` in files only."""
    file = folder / "overlay.json"
    file.write_text(json.dumps(content))
    return file


def start(*files, launcher=(), rank=None, cwd=ROOT, **settings):
    """Start the command line as a process of its own, which also finds the probes of the tests.

    `rank` is the part of its environment that makes it one of several processes.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests"), **(rank or {})}
    command = ["-m", "monai.bundle", *arguments(files, settings)]
    if not launcher:
        return Forked(command, cwd, environment)
    command = [sys.executable, *launcher, *command]
    return subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(process):
    """Wait; return exit status and what was printed."""
    printed, _ = process.communicate(timeout=300)
    return process.returncode, printed


def train(data, output, *overlays, dataset=DEMO, **settings):
    """Train, by default on phantoms; return the run's folder."""
    folders = {"dataset_dir": data, "output_dir": output, "cache_dir": Path(data).parent / "cache"}
    run("train.json", dataset, TINY, *overlays, **{**folders, **TRAINING, **settings})
    return output


def evaluate(data, output, *overlays, dataset=DEMO, **settings):
    """Evaluate a run; return the content of metrics.json."""
    train(data, output, *overlays, "evaluate.json", dataset=dataset, **settings)
    return json.loads((output / "metrics.json").read_text())


def infer(source, checkpoint, output, *overlays, **settings):
    """Infer; return the folder of results."""
    folders = {"dataset_dir": source, "checkpoint": checkpoint, "output_dir": output}
    run("inference.json", *overlays, **{**folders, **NETWORK, **settings})
    return output


@contextmanager
def refused(pattern):
    """Expect an error whose chain says why; MONAI wraps what an object of a config raises."""
    with pytest.raises((Exception, SystemExit)) as caught:
        yield
    error, reasons = caught.value, []
    while error is not None:
        reasons.append(str(error))
        error = error.__cause__
    assert re.search(pattern, "\n".join(reasons)), reasons


def record(output):
    """Return the content of run.json."""
    return json.loads((output / "run.json").read_text())


def checkpoint(output):
    """Return the content of checkpoint.pt, opened without running pickles."""
    return torch.load(output / "checkpoint.pt", weights_only=True)


def same_bits(one, other):
    """Whether two checkpoints hold the same keys, numbers and bits."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_bits(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same_bits, one, other))
    return one == other


def flat(content, prefix=""):
    """Return {"slice/f1": ...} for nested dictionaries and lists, so that they can be compared number by number."""
    if isinstance(content, list):
        content = dict(enumerate(content))
    if not isinstance(content, dict):
        return {prefix: content}
    return {name: value for key in content for name, value in flat(content[key], f"{prefix}/{key}").items()}


SIZE = {"image_size": 16, "patch_size": 8, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "smoothing_kernel": 3}


def tiny_bundle(base: str, overlays: Sequence[str], folder: Path, **knobs: Any) -> ConfigParser:
    """Return `configs/<base>.json` with overlays such as "datasets/demo"; data lie in `folder`/data."""
    parser = ConfigParser()
    parser.read_config([str(ROOT / f"configs/{base}.json"), *(str(ROOT / f"configs/{name}.yaml") for name in overlays)])
    places = {"bundle_root": str(ROOT), "dataset_dir": str(folder / "data"), "device": "cpu"}
    if base == "train":
        places |= {"output_dir": str(folder / "run"), "cache_dir": str(folder / "cache"), "max_epochs": 1}
    else:
        places |= {"output_dir": str(folder / "results"), "checkpoint": str(folder / "run/model.pt")}
    parser.update({**places, **SIZE, **knobs})
    return parser
