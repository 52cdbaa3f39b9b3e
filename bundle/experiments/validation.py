"""Tables of every run, and of rows on validation, from each run's history."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bundle.evaluation import FinishedRun
from bundle.experiments.results_table import SCORES, ResultsTable, score_of
from bundle.handlers import read_history
from bundle.reports import ABSENT, Table, score_text


def validation_scores(folder: str | Path, name: str = "key_score") -> dict[int, float]:
    """Return epoch -> validation score, of a finished run or of one at work.

    They come from its `history.csv`, which runs of version 0.1 do not have.

    Args:
        folder: of the run.
        name: a validation metric; `key_score` is the one that chooses the checkpoint, F1 by default.

    Example:
        >>> validation_scores("not/there")
        {}
    """
    return {int(row["epoch"]): row[name] for row in read_history(folder) if name in row}


NAN = float("nan")


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


_TEST_SCORES = (
    *("f1", "f1_at_0.5", "auroc", "average_precision", "sensitivity_at_90_specificity", "patients_missed_share"),
    *("map_pointing_game", "map_iou"),
)
_COLUMNS = ("run", "threshold", *(SCORES[name] for name in _TEST_SCORES), "best on validation", "at epoch", "minutes")


def runs_table(rows: Mapping[str, Sequence[str | Path]]) -> Table:
    """Return one line per run: threshold, test scores, best validation score with its epoch, minutes of training.

    Minutes are those of training and validation, also of a run that was killed and continued. Runs of version 0.1 have
    no history and so no validation score, epoch and minutes (n/a). Epochs count from 1.

    Args:
        rows: name of a row -> folders of its evaluated runs.

    Raises:
        FileNotFoundError: a run is not evaluated.

    Example:
        >>> runs_table({}).columns[:3]
        ['run', 'threshold', 'F1']
    """
    return Table(
        list(_COLUMNS), [_run_cells(f"{row}/{Path(folder).name}", Path(folder)) for row in rows for folder in rows[row]]
    )


def _run_cells(name: str, folder: Path) -> list[str]:
    """Return the cells of one run."""
    run = FinishedRun.read(folder)
    best = best_epoch(validation_scores(folder))
    return [
        name,
        score_text(run.threshold),
        *(score_text(score_of(run.metrics, score)) for score in _TEST_SCORES),
        score_text(best.score) if best else ABSENT,
        str(best.epoch) if best else ABSENT,
        score_text(_minutes_of(folder), digits=1),
    ]


def _minutes_of(folder: str | Path) -> float:
    """Return the minutes that training and validation of all epochs took, NaN where the history lacks epochs."""
    history = read_history(folder)
    if not history or [row["epoch"] for row in history] != list(range(1, len(history) + 1)):
        return NAN
    return sum(row["seconds"] for row in history) / 60


_NONE = BestEpoch(0, NAN)
_SUMMARY_SCORES = ("f1", "auroc", "average_precision", "patients_missed_share")
_LAST = 5
"""The best of many epochs flatters a row whose score jumps; the mean of the last few does not."""


def validation_table(rows: Mapping[str, Sequence[str | Path]], baseline: str | None = None) -> Table:
    """Return one line per row: validation scores, how far above the baseline, when the best came, what training cost.

    Gains are taken run by run, fold by fold or seed by seed: their mean and standard deviation.

    Args:
        rows: name of a row -> folders of its runs, in the same order of repeats.
        baseline: the row that the others are compared with, the first one by default.

    Example:
        >>> validation_table({"lgmvit": ["not/there"]}).rows
        [['lgmvit', 'n/a', 'n/a', 'n/a', 'n/a', 'n/a', 'n/a']]
    """
    baseline = baseline or next(iter(rows))
    scores = {row: [validation_scores(folder) for folder in folders] for row, folders in rows.items()}
    best = {row: [best_epoch(found) or _NONE for found in runs] for row, runs in scores.items()}
    last = {row: [_mean_of_last(found) for found in runs] for row, runs in scores.items()}
    lines = []
    for row, folders in rows.items():
        highest = [[epoch.score for epoch in best[name]] for name in (row, baseline)]
        lines.append(
            [
                row,
                score_text(highest[0]),
                ABSENT if row == baseline else gain_text(*highest),
                score_text(last[row]),
                ABSENT if row == baseline else gain_text(last[row], last[baseline]),
                score_text([float(epoch.epoch or NAN) for epoch in best[row]], digits=0),
                score_text([_minutes_of(folder) for folder in folders], digits=1),
            ]
        )
    above = f"above {baseline}"
    return Table(["", "best epoch", above, f"last {_LAST} epochs", above, "epoch of the best", "minutes"], lines)


def _mean_of_last(scores: Mapping[int, float]) -> float:
    """Return the mean score of the last few epochs."""
    return statistics.fmean(scores[epoch] for epoch in sorted(scores)[-_LAST:]) if scores else NAN


def gain_text(scores: Sequence[float], baseline: Sequence[float], *, lower_is_better: bool = False) -> str:
    """Return mean and standard deviation of the difference run by run, and in how many runs it is for the better."""
    gains = [score - reference for score, reference in zip(scores, baseline, strict=True)]
    better = sum(gain < 0 if lower_is_better else gain > 0 for gain in gains)
    text = score_text(gains)
    return text if text == ABSENT else f"{text}, {better} of {len(gains)}"


def summary_table(results: ResultsTable, rows: Mapping[str, Sequence[str | Path]]) -> Table:
    """Return one line per row but the baseline: pooled gains with intervals, gain on validation, best epoch, time.

    Args:
        results: scores of the rows, with their baseline.
        rows: name of a row -> folders of its runs, in the same order of repeats.
    """
    best = {row: [best_epoch(validation_scores(folder)) or _NONE for folder in rows[row]] for row in rows}
    minutes = {row: statistics.fmean(_minutes_of(folder) for folder in rows[row]) for row in rows}
    reference = [epoch.score for epoch in best[results.baseline]]
    lines = []
    for row, gains in results.gains.items():
        on_validation = [epoch.score - base for epoch, base in zip(best[row], reference, strict=True)]
        lines.append(
            [
                row,
                *(score_text(gains[name].value, (gains[name].low, gains[name].high)) for name in _SUMMARY_SCORES),
                score_text(on_validation),
                score_text([float(epoch.epoch or NAN) for epoch in best[row]], digits=0),
                score_text(minutes[row] / minutes[results.baseline], digits=1),
            ]
        )
    pooled = [f"{SCORES[name]}, pooled" for name in _SUMMARY_SCORES]
    return Table(["", *pooled, "best on validation", "epoch of the best", "time"], lines)
