"""The table of an experiment: spread over runs, pooled scores with intervals, differences to one of its rows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from numpy.typing import NDArray

from bundle.evaluation import FinishedRun, PooledRuns, corrected
from bundle.reports import ABSENT, Table, score_curves, score_text


def published_scores(path: str | Path, dataset: str) -> dict[str, dict[str, str]]:
    r"""Return row -> score -> mean and standard deviation, as fractions like our own.

    Args:
        path: CSV with the columns dataset, row and one per score, whose cells are percentages like 89.5±0.13.
        dataset: whose lines are wanted.

    Raises:
        ValueError: no line of this data set.

    Source: Tables 1 and 2 of the paper, for `configs/experiments/published.csv`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "published.csv"
        ...     _ = file.write_text("dataset,row,f1\nLiTS17,lgmvit,88.8±0.57\n", encoding="utf-8")
        ...     published_scores(file, "LiTS17")
        {'lgmvit': {'f1': '0.888 ± 0.006'}}
    """
    with Path(path).open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = {line.pop("row"): line for line in lines if line.pop("dataset") == dataset}
    if not found:
        raise ValueError(f"{path} expected lines of the data set {dataset!r}, got none.")
    return {row: {score: fractions(cell) for score, cell in line.items()} for row, line in found.items()}


def fractions(cell: str) -> str:
    """Return a mean and deviation in percent, "89.5±0.13", as fractions."""
    mean, deviation = (float(part) / 100 for part in cell.split("±"))
    return f"{mean:.3f} ± {deviation:.3f}"


SCORES = {
    "f1": "F1",
    "f1_at_0.5": "F1 at 0.5",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "average_precision": "AP",
    "cohen_kappa": "kappa",
    "map_pointing_game": "pointing game",
    "map_energy_ratio": "energy ratio",
    "map_iou": "IoU",
}
WHERE = {score: ("map", score.removeprefix("map_")) for score in SCORES if score.startswith("map_")} | {
    "f1_at_0.5": ("slice_at_0.5", "f1")
}
"""Group and key in metrics.json of the scores that are not slice scores at the run's threshold."""
POSITION, CENTRE = "slice position alone", "map of the centre"


class ResultsTable:
    """Scores of all rows of an experiment on the same test slices.

    Args:
        rows: name of a row -> folders of its evaluated runs, in the same order of repeats.
        draws: resamplings of the patients.
        seed: of the resampling.
        published: name of a row -> score -> text, what a paper printed.
        baseline: the row that the others are compared with, the first one by default.

    Raises:
        FileNotFoundError: a run is not evaluated.
        ValueError: there is no such baseline, or rows that were not tested on the same slices.

    Example:
        >>> ResultsTable({"baseline": ["not/there"]})
        Traceback (most recent call last):
        FileNotFoundError: not/there: metrics.json and predictions.csv must be there, got []: run evaluate.json.
    """

    def __init__(
        self,
        rows: Mapping[str, Sequence[str | Path]],
        draws: int = 1000,
        seed: int = 0,
        published: Mapping[str, Mapping[str, str]] | None = None,
        baseline: str | None = None,
    ) -> None:
        if baseline is not None and baseline not in rows:
            raise ValueError(f"a baseline expected one of the rows {', '.join(rows)}, got {baseline!r}.")
        self.draws, self.seed = draws, seed
        self.published = published or {}
        self.runs = {name: [FinishedRun.read(folder) for folder in folders] for name, folders in rows.items()}
        self.pooled = {
            name: PooledRuns([run.predictions for run in runs], [run.threshold for run in runs])
            for name, runs in self.runs.items()
        }
        self.baseline = baseline or next(iter(self.runs))

    def tables(self) -> dict[str, Table]:
        """Return title -> table, all there are; a title's words before the comma name it."""
        tables = {
            "mean and standard deviation over runs": self.over_runs(),
            "all runs pooled, 95 percent intervals from resampling patients": self.pooled_scores(),
            f"difference to {self.baseline}, paired by patient, p-values after Holm": self.differences(),
        }
        return tables | (
            {"beside the paper, mean and standard deviation": self.beside_paper()} if self.published else {}
        )

    def over_runs(self) -> Table:
        """Return mean and standard deviation over the runs of each row."""
        return self.table(lambda name: {score: score_text(self.per_run(name, score)) for score in SCORES}, self.runs)

    def beside_paper(self) -> Table:
        """Return mean and standard deviation over the runs, each score beside the published one."""
        scores = [score for score in SCORES if any(score in found for found in self.published.values())]
        columns = [text for score in scores for text in (SCORES[score], f"{SCORES[score]}, paper")]
        rows = []
        for name in self.runs:
            paper = self.published.get(name, {})
            pairs = [(score_text(self.per_run(name, score)), paper.get(score, ABSENT)) for score in scores]
            rows.append([name, *(text for pair in pairs for text in pair)])
        return Table(["", *columns], rows)

    def curve(self, shares: Mapping[str, float]) -> NDArray:
        """Return F1, accuracy and AUROC against the share of masks of each row, (3, H, W) uint8."""
        curves = {
            SCORES[score]: [self.per_run(name, score) for name in shares] for score in ("f1", "accuracy", "auroc")
        }
        return score_curves(list(shares.values()), curves, "training cases whose masks supervise the maps, percent")

    def per_run(self, name: str, score: str) -> list[float]:
        """Return one value per run of a row."""
        group, key = WHERE.get(score, ("slice", score))
        values = [run.metrics.get(group, {}).get(key) for run in self.runs[name]]
        return [float("nan") if value is None else float(value) for value in values]

    def pooled_scores(self) -> Table:
        """Return the scores over all slices of all runs with 95% intervals, and the baselines without a network."""
        rows = {**self.pooled, **self.without_network()}
        texts = {name: interval_texts(pooled, self.draws, self.seed) for name, pooled in rows.items()}
        texts[CENTRE] = {score: text for score, text in texts[CENTRE].items() if score.startswith("map_")}
        return self.table(lambda name: texts[name], rows)

    def without_network(self) -> dict[str, PooledRuns]:
        """Return what needs no network: the position of a slice, and a map that points to the middle."""
        runs = self.runs[self.baseline]
        alone = [run.position_only() for run in runs]
        return {
            POSITION: PooledRuns([predictions for predictions, _ in alone], [threshold for _, threshold in alone]),
            CENTRE: PooledRuns([run.center_prior() for run in runs], [run.threshold for run in runs]),
        }

    def differences(self) -> Table:
        """Return how far each row is above the baseline, with the interval and the corrected p-value."""
        others = [name for name in self.pooled if name != self.baseline]
        base = self.pooled[self.baseline]
        found = {name: self.pooled[name].above(base, self.draws, self.seed) for name in others}
        p_values = {score: corrected(found, score) for score in SCORES}

        def cells(name: str) -> dict[str, str]:
            return {
                score: f"{score_text(one.value, (one.low, one.high))}, {p_text(p_values[score][name])}"
                for score, one in found[name].items()
                if score in SCORES
            }

        return self.table(cells, others)

    @staticmethod
    def table(cells: Callable[[str], Mapping[str, str]], names: Sequence[str] | Mapping[str, object]) -> Table:
        """Return one line per name and one column per score."""
        rows = []
        for name in names:
            texts = cells(name)
            rows.append([name, *(texts.get(score, ABSENT) for score in SCORES)])
        return Table(["", *SCORES.values()], rows)


def p_text(value: float) -> str:
    """Return a p-value as a reader wants it: never "0.000"."""
    return f"p = {score_text(value)}" if not value < 0.0005 else "p < 0.001"


def interval_texts(pooled: PooledRuns, draws: int, seed: int) -> dict[str, str]:
    """Return score -> text with its interval."""
    intervals = pooled.intervals(draws, seed)
    return {name: score_text(value, intervals[name]) for name, value in pooled.scores().items() if name in intervals}
