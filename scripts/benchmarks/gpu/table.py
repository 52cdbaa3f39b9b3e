"""Rows of Table 1 at ViT-B/16, as many as the time allows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.gpu.setting import Row, Setting
from benchmarks.subprocesses import ROOT

EXPERIMENT = ROOT / "configs/experiments/table1_lgg_base16.yaml"
GRACE = 30
"""Seconds for the runs to end."""
SCORES = ("f1", "auroc", "average_precision")


def measure(setting: Setting) -> Iterator[Row]:
    """Train and evaluate rows on `dataset_dir`, several at a time, and yield the scores of those that were finished."""
    if setting.dataset_dir is None:
        yield Row("table", "left out", note="give --dataset_dir")
        return
    quick = {"image_size": 32, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "smoothing_kernel": 7}
    knobs = {"max_epochs": 1, **quick, "bootstrap_draws": 10, "device": setting.device} if setting.quick else {}
    with TemporaryDirectory() as folder:
        script = [sys.executable, str(ROOT / "scripts/run_experiments.py"), str(EXPERIMENT), "--parallel", "4"]
        places = {"dataset_dir": setting.dataset_dir, "output_dir": f"{folder}/runs", "cache_dir": f"{folder}/cache"}
        options = [text for name, value in {**places, **knobs}.items() for text in (f"--{name}", str(value))]
        process = subprocess.Popen([*script, *options], cwd=ROOT, env=os.environ)
        try:
            process.wait(max(setting.seconds - GRACE, 1))
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends its runs, which have process groups of their own
            process.wait(GRACE)
        yield Row("experiment", "finished" if process.returncode == 0 else "cut short or failed", note=EXPERIMENT.name)
        yield from scores_of(Path(folder) / "runs")


def scores_of(runs: Path) -> Iterator[Row]:
    """Yield the slice scores of every evaluated run."""
    for file in sorted(runs.glob("*/*/*/metrics.json")):
        scores = json.loads(file.read_text())["slice"]
        text = ", ".join(f"{name} {scores[name]:.3f}" for name in SCORES if scores.get(name) is not None)
        yield Row(f"{file.parent.parent.name}, {file.parent.name}", text)
