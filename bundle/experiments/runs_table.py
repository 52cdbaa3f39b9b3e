"""The runs of an experiment one by one: what each scored, when it was best on validation, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from bundle.experiments.results_table import SCORES, WHERE
from bundle.experiments.validation_scores import best_epoch, validation_scores
from bundle.read_json import read_json
from bundle.reports import ABSENT, FinishedRun, Table, score_text

SHOWN = ("f1", "f1_at_0.5", "auroc", "average_precision", "map_pointing_game", "map_iou")
TEST_SCORES = {SCORES[name]: WHERE.get(name, ("slice", name)) for name in SHOWN}
"""Column -> group and key in `metrics.json`."""
COLUMNS = ("run", "threshold", *TEST_SCORES, "best on validation", "at epoch", "minutes")


def runs_table(rows: Mapping[str, Sequence[str | Path]]) -> Table:
    """Return one line per run: threshold, test scores, best validation score with its epoch, minutes of training.

    A run that was killed and continued has no minutes: its record knows when it was first started, not how long it
    rested. Epochs count from 1.

    Args:
        rows: name of a row -> folders of its evaluated runs.

    Raises:
        FileNotFoundError: a run is not evaluated.

    Example:
        >>> runs_table({}).columns[:3]
        ('run', 'threshold', 'F1')
    """
    return Table(COLUMNS, [line(f"{row}/{Path(folder).name}", Path(folder)) for row in rows for folder in rows[row]])


def line(name: str, folder: Path) -> list[str]:
    """Return the cells of one run."""
    run = FinishedRun.read(folder)
    found = [run.metrics.get(group, {}).get(key) for group, key in TEST_SCORES.values()]
    best, spent = best_epoch(validation_scores(folder)), minutes_of(folder)
    return [
        name,
        score_text(run.threshold),
        *map(score_text, found),
        score_text(best.score) if best else ABSENT,
        str(best.epoch) if best else ABSENT,
        ABSENT if spent is None else f"{spent:.1f}",
    ]


def minutes_of(folder: str | Path) -> float | None:
    """Return how long a run that was never interrupted trained, None for another."""
    record = read_json(Path(folder) / "run.json", {})
    if record.get("resumed") or not record.get("completed"):
        return None
    spent = datetime.fromisoformat(record["completed"]) - datetime.fromisoformat(record["started"])
    return spent.total_seconds() / 60
