"""The rows of an experiment on validation, where one chooses between them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle.experiments.runs_table import minutes_of
from bundle.experiments.validation_scores import BestEpoch, best_epoch, validation_scores
from bundle.reports import ABSENT, Table, score_text

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
