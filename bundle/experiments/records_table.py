"""Tables of committed run records: metrics.json of every run, without predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from bundle.experiments.results_table import SCORES, score_of
from bundle.experiments.validation import gain_text
from bundle.files import read_json
from bundle.metrics import LOWER_IS_BETTER
from bundle.reports import Table, score_text


def records_tables(rows: Mapping[str, Sequence[Path]], baseline: str | None = None) -> dict[str, Table]:
    """Return title -> table: scores over the runs of each row, and gains over a baseline, run by run.

    Both hold means and standard deviations over runs. Pooled scores, intervals and p-values need predictions, which
    records do not have: see `ResultsTable`. A score that no record has is no column.

    Args:
        rows: name of a row -> folders of its records, in the same order of repeats.
        baseline: the row that the others are compared with, the first one by default.

    Raises:
        FileNotFoundError: a record has no metrics.json.
        ValueError: there is no such baseline, or a row has another number of records.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "metrics.json").write_text('{"slice": {"f1": 0.75}}')
        >>> table = next(iter(records_tables({"lgmvit": [folder]}).values()))
        >>> table.columns, table.rows[0]
        (['', 'F1'], ['lgmvit', '0.750'])
    """
    baseline = baseline or next(iter(rows))
    if baseline not in rows:
        raise ValueError(f"baseline must be one of the rows {', '.join(rows)}, got {baseline!r}.")
    if len({len(folders) for folders in rows.values()}) > 1:
        raise ValueError(f"rows must have the same repeats, got { ({row: len(rows[row]) for row in rows}) } records.")
    metrics = {row: [read_json(folder / "metrics.json") for folder in folders] for row, folders in rows.items()}
    known = [
        name for name in SCORES if any(score_of(run, name) == score_of(run, name) for run in chain(*metrics.values()))
    ]
    scores = {row: {name: [score_of(run, name) for run in metrics[row]] for name in known} for row in rows}
    means = [[row, *(score_text(values) for values in scores[row].values())] for row in rows]
    gains = [
        [
            row,
            *(
                gain_text(values, scores[baseline][name], lower_is_better=name in LOWER_IS_BETTER)
                for name, values in scores[row].items()
            ),
        ]
        for row in rows
        if row != baseline
    ]
    columns = ["", *(SCORES[name] for name in known)]
    return {
        "mean and standard deviation over runs": Table(columns, means),
        f"gain over {baseline} run by run, mean and standard deviation, runs with a gain": Table(columns, gains),
    }
