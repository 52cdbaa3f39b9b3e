"""The rows of an experiment on validation, where one chooses between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle.experiments.runs_table import minutes_of
from bundle.experiments.validation_scores import best_epoch, validation_scores
from bundle.reports import ABSENT, Table, score_text

NAN = float("nan")


def validation_table(rows: Mapping[str, Sequence[str | Path]], baseline: str | None = None) -> Table:
    """Return one line per row: best validation score, how far above the baseline, its epoch, what training cost.

    The gain is taken run by run, fold by fold or seed by seed; beside its mean and standard deviation stands in how
    many runs there is one. Minutes are those of runs that were never interrupted.

    Args:
        rows: name of a row -> folders of its runs, in the same order of repeats.
        baseline: the row that the others are compared with, the first one by default.

    Example:
        >>> validation_table({"lgmvit": ["not/there"]}).rows
        [['lgmvit', 'n/a', 'n/a', 'n/a', 'n/a', 'n/a']]
    """
    baseline = baseline or next(iter(rows))
    best = {row: [best_epoch(validation_scores(folder)) for folder in folders] for row, folders in rows.items()}
    lines = []
    for row, folders in rows.items():
        pairs = zip(best[row], best[baseline], strict=True)
        gains = [mine.score - theirs.score if mine and theirs else NAN for mine, theirs in pairs]
        lines.append(
            [
                row,
                score_text([one.score if one else NAN for one in best[row]]),
                ABSENT if row == baseline else score_text(gains),
                ABSENT if row == baseline else f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
                score_text([float(one.epoch) if one else NAN for one in best[row]], digits=0),
                score_text([NAN if spent is None else spent for spent in map(minutes_of, folders)], digits=1),
            ]
        )
    return Table(["", "best on validation", f"above {baseline}", "runs above", "at epoch", "minutes"], lines)
