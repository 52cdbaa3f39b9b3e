"""How a run did on validation, epoch by epoch."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bundle.evaluation import FinishedRun
from bundle.experiments.results_table import SCORES, WHERE
from bundle.files import read_json
from bundle.reports import ABSENT, Table, score_text


def validation_scores(folder: str | Path, name: str = "key_score") -> dict[int, float]:
    """Return epoch -> validation score, of a finished run or of one at work.

    They come from TensorBoard's files, which every run writes and flushes after each epoch: exact, in one place for
    killed and continued runs, and for any metric, where the log rounds and names two.

    Args:
        folder: of the run.
        name: a validation metric; `key_score` is the one that chooses the checkpoint, F1 by default.

    Example:
        >>> validation_scores("not/there")
        {}
    """
    if not list(Path(folder).glob("events.out.tfevents.*")):
        return {}
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1})
    events.Reload()
    if name not in events.Tags()["scalars"]:
        return {}
    return {event.step: event.value for event in events.Scalars(name)}


class BestEpoch(NamedTuple):
    """The epoch, from 1 on, whose weights a run keeps, and its validation score."""

    epoch: int
    score: float


def best_epoch(scores: Mapping[int, float]) -> BestEpoch | None:
    """Return the first epoch with the highest score, None where there is no score.

    Example:
        >>> best_epoch({1: 0.5, 2: 0.75, 3: 0.75})
        BestEpoch(epoch=2, score=0.75)
    """
    epoch = max(scores, key=lambda epoch: (scores[epoch], -epoch), default=None)
    return None if epoch is None else BestEpoch(epoch, scores[epoch])


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


NAN = float("nan")
NONE = BestEpoch(0, NAN)
LAST = 5
"""The best of many epochs flatters a row whose score jumps; the mean of the last few does not."""


def validation_table(rows: Mapping[str, Sequence[str | Path]], baseline: str | None = None) -> Table:
    """Return one line per row: validation scores, how far above the baseline, when the best came, what training cost.

    Gains are taken run by run, fold by fold or seed by seed: their mean and standard deviation. Minutes are those of
    runs that were never interrupted.

    Args:
        rows: name of a row -> folders of its runs, in the same order of repeats.
        baseline: the row that the others are compared with, the first one by default.

    Example:
        >>> validation_table({"lgmvit": ["not/there"]}).rows
        [['lgmvit', 'n/a', 'n/a', 'n/a', 'n/a', 'n/a', 'n/a']]
    """
    baseline = baseline or next(iter(rows))
    scores = {row: [validation_scores(folder) for folder in folders] for row, folders in rows.items()}
    best = {row: [best_epoch(found) or NONE for found in runs] for row, runs in scores.items()}
    last = {row: [mean_of_last(found) for found in runs] for row, runs in scores.items()}
    lines = []
    for row, folders in rows.items():
        highest = [[one.score for one in best[name]] for name in (row, baseline)]
        lines.append(
            [
                row,
                score_text(highest[0]),
                ABSENT if row == baseline else gain_text(*highest),
                score_text(last[row]),
                ABSENT if row == baseline else gain_text(last[row], last[baseline]),
                score_text([float(one.epoch or NAN) for one in best[row]], digits=0),
                score_text([NAN if spent is None else spent for spent in map(minutes_of, folders)], digits=1),
            ]
        )
    above = f"above {baseline}"
    return Table(["", "best epoch", above, f"last {LAST} epochs", above, "epoch of the best", "minutes"], lines)


def mean_of_last(scores: Mapping[int, float]) -> float:
    """Return the mean score of the last few epochs."""
    return statistics.fmean(scores[epoch] for epoch in sorted(scores)[-LAST:]) if scores else NAN


def gain_text(mine: Sequence[float], theirs: Sequence[float]) -> str:
    """Return mean and standard deviation of the gain run by run, and in how many runs there is one."""
    gains = [one - other for one, other in zip(mine, theirs, strict=True)]
    text = score_text(gains)
    return text if text == ABSENT else f"{text}, {sum(gain > 0 for gain in gains)} of {len(gains)}"
