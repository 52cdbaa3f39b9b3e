"""What a search found."""

from __future__ import annotations

import yaml

from bundle.experiments.search import Search
from bundle.reports import Table


def search_report(search: Search) -> tuple[Table, str]:
    """Return all trials as a table, the best first, and the best one as the text of an overlay.

    Raises:
        ValueError: no trial has come to its end.

    Example:
        >>> from pathlib import Path
        >>> from bundle.experiments import Experiment, Knob
        >>> experiment = Experiment("t", [], {"a": []}, {"0": {}})
        >>> search_report(Search(experiment, "a", "0", [Knob("beta", (1,))], Path("not/there")))
        Traceback (most recent call last):
        ValueError: not/there/t/a_0 expected at least one finished trial, got none.
    """
    trials = search.trials()
    if not trials or not trials[0].is_finished:
        raise ValueError(f"{search.folder} expected at least one finished trial, got none.")
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
