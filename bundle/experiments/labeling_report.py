"""Curves, counts and differences of a simulated labeling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bundle.reports import Point, Table, band_curves


def labels_needed(labeled: Sequence[int], scores: Sequence[float], target: float) -> int:
    """Return the smallest number of labeled patients with at least the target; the largest of all where none has it.

    Args:
        labeled: numbers that ascend.
        scores: of the network at each.
        target: score to reach.

    Example:
        >>> labels_needed([5, 10, 15], [0.8, 0.95, 0.9], 0.9), labels_needed([5, 10], [0.5, 0.5], 0.9)
        (10, 10)
    """
    return next((n for n, score in zip(labeled, scores, strict=True) if score >= target), max(labeled))


def target_score(rounds: pd.DataFrame, margin: float) -> float:
    """Return the mean AUROC over the seeds with all data, minus the margin.

    Args:
        rounds: a row for each seed, strategy and number of labeled patients, with the column auroc.
        margin: AUROC that may be missing.

    Example:
        >>> rounds = pd.DataFrame({"seed": [0, 0, 1], "labeled": [5, 10, 10], "auroc": [0.5, 0.75, 1.0]})
        >>> target_score(rounds, 0.125)
        0.75
    """
    everything = rounds[rounds.labeled == rounds.labeled.max()]
    return float(everything.drop_duplicates("seed").auroc.mean() - margin)


def labeling_table(rounds: pd.DataFrame, margin: float) -> Table:
    """Return patients labeled until the target, and the mean AUROC of the rounds, for each seed.

    The last column is the mean difference to the first strategy, paired by seed, with a 95% interval of Student's t.

    Args:
        rounds: see `target_score`; its first strategy is what the others are compared with.
        margin: see `target_score`.
    """
    target, groups = target_score(rounds, margin), rounds.sort_values("labeled").groupby(["seed", "strategy"])
    needed = {key: float(labels_needed([*of.labeled], [*of.auroc], target)) for key, of in groups}
    area = {key: float(of.auroc[1:-1].mean()) for key, of in groups}  # all strategies share the first and the last
    lines = [
        *_lines(f"labeled until AUROC {target:.3f}", needed, rounds, digits=1),
        *_lines("mean AUROC between first and last round", area, rounds, digits=4),
    ]
    seeds = [f"seed {seed}" for seed in sorted(set(rounds.seed))]
    return Table(("strategy", "score", *seeds, "mean", "minus first strategy"), lines)


def _lines(title: str, values: Mapping[Any, float], rounds: pd.DataFrame, *, digits: int) -> Iterator[list[str]]:
    """Yield the cells of each strategy."""
    table = pd.Series(values).unstack()[list(dict.fromkeys(rounds.strategy))]
    first = table.columns[0]
    for strategy in table:
        each, cell = table[strategy], f".{digits}f"
        mean, low, high = mean_interval(each - table[first])
        difference = "" if strategy == first else f"{mean:{cell}} [{low:{cell}}, {high:{cell}}]"
        yield [str(strategy), title, *(f"{value:{cell}}" for value in each), f"{each.mean():{cell}}", difference]


def labeling_curves(rounds: pd.DataFrame, margin: float) -> NDArray:
    """Return the mean AUROC of each strategy against the labeled patients, a 95% interval over the seeds as band.

    Args:
        rounds: see `target_score`.
        margin: see `target_score`; the target is a dashed level.

    Returns:
        (3, H, W) uint8.
    """
    target = target_score(rounds, margin)
    lines = {
        str(strategy): [Point(int(n), *mean_interval(at.auroc)) for n, at in of.groupby("labeled")]
        for strategy, of in rounds.groupby("strategy", sort=False)
    }
    lines[f"all data - {margin:g}"] = [Point(int(rounds.labeled.min()), target, target, target)]
    return band_curves({"AUROC of the test patients": lines}, "labeled patients")


def mean_interval(values: ArrayLike) -> tuple[float, float, float]:
    """Return the mean of repeats with its 95% interval of Student's t; a lone value, or equal ones, have no width.

    Example:
        >>> [round(value, 2) for value in mean_interval([1.0, 2.0, 3.0])]
        [2.0, -0.48, 4.48]
    """
    each = np.asarray(values, dtype=np.float64)
    mean = float(each.mean())
    if len(each) < 2 or not (width := float(stats.sem(each))):
        return mean, mean, mean
    half = width * float(stats.t.ppf(0.975, len(each) - 1))
    return mean, mean - half, mean + half
