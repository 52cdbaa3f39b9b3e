"""Tables of an experiment: spread over runs, pooled scores with intervals, differences to one of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bundle.evaluation import FinishedRun, PooledRuns, corrected
from bundle.metrics import Difference, Interval
from bundle.reports import ABSENT, Table, score_curves, score_text

SCORES = {
    "f1": "F1",
    "f1_at_0.5": "F1 at 0.5",
    "accuracy": "accuracy",
    "auroc": "AUROC",
    "average_precision": "AP",
    "sensitivity_at_90_specificity": "sensitivity at 90% specificity",
    "cohen_kappa": "kappa",
    "patients_missed_share": "patients missed",
    "patients_missed_share_at_0.5": "missed at 0.5",
    "patients_missed_share_at_90_specificity": "missed at 90% specificity",
    "map_pointing_game": "pointing game",
    "map_energy_ratio": "energy ratio",
    "map_iou": "IoU",
}
_GROUP_AND_KEY = {score: ("map", score.removeprefix("map_")) for score in SCORES if score.startswith("map_")} | {
    score: ("slice_at_0.5", score.removesuffix("_at_0.5")) for score in SCORES if score.endswith("_at_0.5")
}
"""Group and key in metrics.json of the scores that are not slice scores at the run's threshold."""
POSITION, CENTER = "slice position alone", "map of the center"


class ResultsTable:
    """Scores of all rows of an experiment on the same test slices.

    Args:
        rows: name of a row -> folders of its evaluated runs, in the same order of repeats.
        n_resamples: resamples of the patients.
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
        n_resamples: int = 1000,
        seed: int = 0,
        published: Mapping[str, Mapping[str, str]] | None = None,
        baseline: str | None = None,
    ) -> None:
        if baseline is not None and baseline not in rows:
            raise ValueError(f"baseline must be one of the rows {', '.join(rows)}, got {baseline!r}.")
        self.n_resamples, self.seed = n_resamples, seed
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
            f"difference to {POSITION}, paired by patient, p-values after Holm": self.differences(
                self.gains_over(self.without_network[POSITION])
            ),
        }
        return tables | (
            {"beside the paper, mean and standard deviation": self.beside_paper()} if self.published else {}
        )

    def over_runs(self) -> Table:
        """Return mean and standard deviation over the runs of each row."""
        return self._table(lambda name: {score: score_text(self.per_run(name, score)) for score in SCORES}, self.runs)

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
        return [score_of(run.metrics, score) for run in self.runs[name]]

    def pooled_scores(self) -> Table:
        """Return the scores over all slices of all runs with 95% intervals, and the baselines without a network."""
        return self._table(self._pooled_cells, self.scored)

    def _pooled_cells(self, name: str) -> dict[str, str]:
        """Return score -> text with its interval, of missed patients with their number."""
        counted = {} if name == CENTER else (self.pooled | self.without_network)[name].missed()
        texts = {score: score_text(value, interval) for score, (value, interval) in self.scored[name].items()}
        return {score: f"{text}, {counted[score]}" if score in counted else text for score, text in texts.items()}

    @cached_property
    def scored(self) -> dict[str, dict[str, tuple[float, Interval]]]:
        """Row or baseline without a network -> score -> value over all slices of all runs, and its interval."""
        found = {}
        for name, pooled in (self.pooled | self.without_network).items():
            values, intervals = pooled.scores(), pooled.intervals(self.n_resamples, self.seed)
            found[name] = {score: (values[score], intervals[score]) for score in values if score in intervals}
        found[CENTER] = {score: pair for score, pair in found[CENTER].items() if score.startswith("map_")}
        return found

    @cached_property
    def without_network(self) -> dict[str, PooledRuns]:
        """Return the network-free baselines: the position of a slice, and a map that points to the center."""
        runs = self.runs[self.baseline]
        baselines = [run.position_only() for run in runs]
        return {
            POSITION: PooledRuns(*map(list, zip(*baselines, strict=True))),
            CENTER: PooledRuns([run.center_prior() for run in runs], [run.threshold for run in runs]),
        }

    @cached_property
    def gains(self) -> dict[str, dict[str, Difference]]:
        """Return row -> score -> difference to the baseline over all slices of all runs, paired by patient."""
        return self.gains_over(self.pooled[self.baseline])

    def gains_over(self, base: PooledRuns) -> dict[str, dict[str, Difference]]:
        """Return row -> score -> difference to a row or to a baseline without a network, paired by patient."""
        others = {name: pooled for name, pooled in self.pooled.items() if pooled is not base}
        return {name: pooled.above(base, self.n_resamples, self.seed) for name, pooled in others.items()}

    def differences(self, gains: Mapping[str, Mapping[str, Difference]] | None = None) -> Table:
        """Return how far each row is above the baseline, or `gains`, with the interval and the corrected p-value."""
        gains = self.gains if gains is None else gains
        p_values = {score: corrected(gains, score) for score in SCORES}

        def cells(name: str) -> dict[str, str]:
            return {
                score: f"{score_text(gain.value, (gain.low, gain.high))}, {p_text(p_values[score][name])}"
                for score, gain in gains[name].items()
                if score in SCORES
            }

        return self._table(cells, gains)

    @staticmethod
    def _table(cells: Callable[[str], Mapping[str, str]], names: Sequence[str] | Mapping[str, object]) -> Table:
        """Return one line per name and one column per score."""
        rows = []
        for name in names:
            texts = cells(name)
            rows.append([name, *(texts.get(score, ABSENT) for score in SCORES)])
        return Table(["", *SCORES.values()], rows)


def score_of(metrics: Mapping[str, Any], score: str) -> float:
    """Return a score of `SCORES` from the content of a metrics.json, NaN where it has none."""
    group, key = _GROUP_AND_KEY.get(score, ("slice", score))
    value = metrics.get(group, {}).get(key)
    return float("nan") if value is None else float(value)


def p_text(value: float) -> str:
    """Return a p-value as a reader wants it: never "0.000"."""
    return f"p = {score_text(value)}" if not value < 0.0005 else "p < 0.001"
