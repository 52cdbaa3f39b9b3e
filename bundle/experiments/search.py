"""Search for knobs, on validation patients only."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from bundle.experiments.changed_since_start import changed_since_start
from bundle.experiments.experiment import Experiment
from bundle.experiments.queue import RunQueue
from bundle.experiments.run import BundleRun
from bundle.experiments.searched_knob import SearchedKnob, number
from bundle.experiments.validation import best_epoch, validation_scores
from bundle.reports import Table


@dataclass(frozen=True)
class Search:
    """Trials of one row and one repeat of an experiment that differ in some knobs.

    A trial trains and is never evaluated, so the test set has no part in it. Its folder is named after its values: a
    search that is repeated or killed finds what it has done, and two processes with one trial share it.

    Args:
        experiment: what is tuned.
        row: the method.
        repeat: the fold or seed.
        knobs: what varies.
        root: trials go to `root/<experiment>/<row>_<repeat>/<values>`.
        settings: overrides of every trial, e.g. fewer epochs.

    Raises:
        ValueError: no such row or repeat, or no knob.

    Example:
        >>> rows = {"lgmvit": ["configs/methods/lgmvit.yaml"]}
        >>> experiment = Experiment("t", ["configs/train.json"], rows, {"0": {"fold": 0}})
        >>> search = Search(experiment, "lgmvit", "0", [SearchedKnob("beta", (0.5, 1.0))], Path("search"))
        >>> [run.name for run in search.grid()]
        ['beta=0.5', 'beta=1']
    """

    experiment: Experiment
    row: str
    repeat: str
    knobs: Sequence[SearchedKnob]
    root: Path
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, choices in ((self.row, self.experiment.rows), (self.repeat, self.experiment.repeats)):
            if name not in choices:
                raise ValueError(f"row and repeat of a search must be one of {', '.join(choices)}, got {name!r}.")
        if self.experiment.row(self.row)[1].get("teacher"):
            raise ValueError(f"row of a search must have no teacher, got {self.row}: search the row of its teacher.")
        if not self.knobs:
            raise ValueError("knobs must be at least one knob, got none.")

    @property
    def folder(self) -> Path:
        """Folder of the trials."""
        return self.root / self.experiment.name / f"{self.row}_{self.repeat}"

    def trial(self, values: Mapping[str, float]) -> BundleRun:
        """Return the run of these values of the knobs."""
        run = self.experiment.run(self.row, self.repeat, self.root, self.settings, evaluates=False)
        name = _folder_name(values)
        return replace(run, name=name, output_dir=self.folder / name, overrides={**run.overrides, **values})

    def grid(self) -> list[BundleRun]:
        """Return a trial for every combination of the knobs' values."""
        if ranges := [knob.name for knob in self.knobs if knob.is_range]:
            raise ValueError(
                f"knobs of a grid must be lists, got ranges of {', '.join(ranges)}: write {ranges[0]}=1,10,100."
            )
        names = [knob.name for knob in self.knobs]
        combinations = itertools.product(*(knob.values for knob in self.knobs))
        return [self.trial(dict(zip(names, values, strict=True))) for values in combinations]

    def tried(self) -> list[dict[str, float]]:
        """Return the values that were tried so far, by whatever process.

        Raises:
            ValueError: a trial was started with other settings, e.g. for more epochs: it cannot be compared.
        """
        names = {knob.name for knob in self.knobs}
        found = [_values_of(folder.name) for folder in sorted(self.folder.glob("*/"))]
        tried = [values for values in found if values.keys() == names]
        for run in map(self.trial, tried):
            if changed := changed_since_start(run):
                name, (then, now) = next(iter(changed.items()))
                raise ValueError(
                    f"{self.folder}: trials must have the settings of now, got others: in {run.name} {name} was "
                    f"{then!r}, is {now!r}. Choose another output_dir, or remove the whole folder."
                )
        return tried

    def trials(self) -> list[Trial]:
        """Return the result of each tried choice of values, the best first; trials without a score are left out."""
        found = []
        for values in self.tried():
            run = self.trial(values)
            scores = validation_scores(run.output_dir)
            if best := best_epoch(scores):
                found.append(Trial(values, best.score, best.epoch, max(scores), run.is_finished))
        return sorted(found, key=lambda trial: (not trial.is_finished, -trial.score))


@dataclass(frozen=True)
class Trial:
    """Result of one choice of values: best validation score, its epoch, epochs done, and if it came to its end."""

    values: Mapping[str, float]
    score: float
    best_epoch: int
    epochs: int
    is_finished: bool


def _folder_name(values: Mapping[str, float]) -> str:
    """Return the name of a trial; `_values_of` reads it back."""
    return ",".join(f"{name.replace('#', ':')}={value:.12g}" for name, value in values.items())


def _values_of(name: str) -> dict[str, float]:
    """Return the values that name a trial's folder, nothing for another folder."""
    try:
        parts = [part.split("=") for part in name.split(",")]
        return {knob.replace(":", "#"): number(value) for knob, value in parts}
    except ValueError:
        return {}


def grid_search(search: Search, parallel: int = 2) -> list[BundleRun]:
    """Train every combination that is not trained yet, and return the trials that failed.

    Args:
        search: whose knobs are lists of values.
        parallel: processes at a time, one thread each.

    Raises:
        ValueError: a knob is a range; a trial of the search was started with other settings.
    """
    search.tried()
    return RunQueue(search.grid(), parallel)()


def search_report(search: Search) -> tuple[Table, str]:
    """Return all trials as a table, the best first, and the best one as the text of an overlay.

    Raises:
        ValueError: no trial has come to its end.

    Example:
        >>> from pathlib import Path
        >>> from bundle.experiments.experiment import Experiment
        >>> from bundle.experiments.searched_knob import SearchedKnob
        >>> experiment = Experiment("t", [], {"a": []}, {"0": {}})
        >>> search_report(Search(experiment, "a", "0", [SearchedKnob("beta", (1,))], Path("not/there")))
        Traceback (most recent call last):
        ValueError: not/there/t/a_0: trials must be at least one finished trial, got none: run the search.
    """
    trials = search.trials()
    if not trials or not trials[0].is_finished:
        raise ValueError(f"{search.folder}: trials must be at least one finished trial, got none: run the search.")
    names = [knob.name for knob in search.knobs]
    rows = [
        [
            *(f"{trial.values[name]:g}" for name in names),
            f"{trial.score:.4f}",
            str(trial.best_epoch),
            str(trial.epochs),
            "finished" if trial.is_finished else "ended early",
        ]
        for trial in trials
    ]
    best = trials[0]
    lines = [
        f"# Found by a search on validation patients: {search.row}, {search.repeat} of {search.experiment.name}.",
        f"# Best of {len(trials)} trials: validation score {best.score:.4f} at epoch {best.best_epoch}.",
    ]
    for name in names:
        tried = sorted({trial.values[name] for trial in trials})
        known = (
            f"tried: {', '.join(f'{value:g}' for value in tried)}" if len(tried) <= 8 else f"{len(tried)} were tried"
        )
        lines.append(f"{yaml.safe_dump({name: best.values[name]}).strip()}  # {known}")
    table = Table([*names, "best validation score", "at epoch", "epochs", "state"], rows)
    return table, "\n".join(lines) + "\n"
