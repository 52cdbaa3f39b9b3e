"""Run an experiment, or a share of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bundle.experiments.changed_since_start import changed_since_start
from bundle.experiments.experiment import Experiment
from bundle.experiments.queue import RunQueue
from bundle.experiments.run import BundleRun


def run_experiment(
    experiment: Experiment, root: Path, settings: Mapping[str, Any], *, only: str = "1/1", parallel: int = 2
) -> list[BundleRun]:
    """Run what is not finished, and return the runs that failed.

    Args:
        experiment: rows and repeats.
        root: runs go to `root/<folder>/<row>/<repeat>`.
        settings: overrides of every run.
        only: "i/n", the i-th of n shares of the runs, counted from 1, e.g. of a scheduler's n tasks.
        parallel: processes at a time, one thread each.

    Raises:
        ValueError: `only` is no share, or a folder holds a run that was started with other settings.

    Example:
        >>> run_experiment(Experiment("t", [], {}, {}), Path("runs"), {}, only="2/3")
        []
    """
    runs = _share(experiment.runs(root, settings), only)
    _refuse_changed(runs)
    return RunQueue(runs, parallel)()


def _share(runs: Sequence[BundleRun], only: str) -> list[BundleRun]:
    """Return every n-th run from the i-th on for "i/n"."""
    found = re.fullmatch(r"(\d+)/(\d+)", only)
    part, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= parts:
        raise ValueError(f"only must be i/n with 1 <= i <= n, such as 2/18, got {only!r}.")
    return list(runs[part - 1 :: parts])


def _refuse_changed(runs: Sequence[BundleRun]) -> None:
    """Fail where a folder holds another run, which a table would show under the wrong name."""
    changes = [
        f"  {run.output_dir}: {name} was {then!r}, is {now!r}"
        for run in runs
        for name, (then, now) in changed_since_start(run).items()
    ]
    if changes:
        raise ValueError(
            "settings must be those that the runs were started with; remove their folders, or choose another "
            "output_dir:\n" + "\n".join(changes)
        )
