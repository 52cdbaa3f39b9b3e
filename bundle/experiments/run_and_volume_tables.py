"""Tables of an experiment by run and by volume: scores with intervals, beside their gains over one row."""

from __future__ import annotations

from collections.abc import Mapping

from bundle.evaluation import RANKING, AveragedRuns, PooledRuns, corrected
from bundle.experiments.results_table import POSITION, SCORES, ResultsTable, p_text
from bundle.reports import ABSENT, Table, score_text

_OF_VOLUMES = ("f1", *RANKING)


def averaged_table(results: ResultsTable) -> Table:
    """Return the scores of the order of slices, each run scored alone and averaged, for every row and for position.

    Args:
        results: scores of the rows, with their baseline.
    """
    rows = {name: AveragedRuns([run.predictions for run in runs]) for name, runs in results.runs.items()}
    alone = [run.position_only()[0] for run in results.runs[results.baseline]]
    return _scores_and_gains({**rows, POSITION: AveragedRuns(alone)}, RANKING, results)


def volume_table(results: ResultsTable) -> Table:
    """Return scores of volumes by the mean of their three highest slices, the runs pooled.

    Scores that need a negative volume are n/a where every volume has the object.

    Args:
        results: scores of the rows, with their baseline.
    """
    volumes = {name: [run.volumes() for run in runs] for name, runs in results.runs.items()}
    rows = {name: PooledRuns(*map(list, zip(*of, strict=True))) for name, of in volumes.items()}
    return _scores_and_gains(rows, _OF_VOLUMES, results)


def _scores_and_gains(rows: Mapping[str, PooledRuns], scores: tuple[str, ...], results: ResultsTable) -> Table:
    """Return a line per row: every score with its interval, then its gain over the baseline."""
    resampling = (results.n_resamples, results.seed)
    base = rows[results.baseline]
    compared = [name for name in results.runs if name != results.baseline]  # position alone is no row
    gains = {name: rows[name].above(base, *resampling) for name in compared}
    p_values = {score: corrected(gains, score) for score in scores}
    lines = []
    for name, of in rows.items():
        values, intervals = of.scores(), of.intervals(*resampling)
        line = [name]
        for score in scores:
            gain = gains.get(name, {}).get(score)
            text = ABSENT if gain is None else score_text(gain.value, (gain.low, gain.high))
            known = text if text == ABSENT else f"{text}, {p_text(p_values[score][name])}"
            line += [score_text(values[score], intervals[score]), known]
        lines.append(line)
    return Table(["", *(text for score in scores for text in (SCORES[score], f"above {results.baseline}"))], lines)
