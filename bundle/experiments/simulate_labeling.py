"""Simulation of labeling, from the plan's file to the table and the picture."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd
import torch

from bundle.experiments.labeling import Labeling, LabelingPath
from bundle.experiments.labeling_report import labeling_curves, labeling_table
from bundle.experiments.labeling_training import Setup
from bundle.files import write_atomically, write_csv
from bundle.reports import write_picture

logger = logging.getLogger(__name__)


def simulate_labeling(plan: Labeling, dataset_dir: Path, output_dir: Path, cache_dir: Path) -> str:
    """Run every round that is not on disk yet, on one thread, and return the table as Markdown.

    `<output_dir>/<name>` gets a folder for each seed, `rounds.csv`, `table.md` and `auroc.png`. A simulation that was
    killed goes on after its last whole round. Processes may share the folder if each has seeds of its own.

    Args:
        plan: seeds, strategies and trainings.
        dataset_dir: scans that are all labeled; labels of a scan are used once it is chosen.
        output_dir: see above.
        cache_dir: slice store.

    Raises:
        ValueError: a strategy is unknown, or the data set does not fit the configs.

    Example:
        >>> plan = Labeling("t", [], {}, [0], {"train": 1, "validation": 1}, 1, strategies=["cleverest"])
        >>> simulate_labeling(plan, Path("data"), Path("runs"), Path("cache"))
        Traceback (most recent call last):
        ValueError: strategies must be some of random, uncertain, got ['cleverest'].
    """
    plan.require_known_strategies()
    torch.set_num_threads(1)
    setup, folder = Setup(plan.base, dataset_dir.absolute(), cache_dir.absolute()), output_dir / plan.name
    split, rows = setup.split(plan.settings), []
    for seed in plan.seeds:  # outermost: those that are complete can be compared
        for strategy in plan.strategies:
            for made in LabelingPath(plan, strategy, seed, split, setup, folder / f"seed{seed}").rounds():
                scores = {name: made[name] for name in ("auroc", "average_precision")}
                labeled = len(made["train"]) + len(made["validation"])
                rows.append({"seed": seed, "strategy": strategy, "labeled": labeled, **scores})
    rounds = pd.DataFrame(rows)
    table = labeling_table(rounds, plan.margin).markdown()
    write_csv(folder / "rounds.csv", rounds)
    write_picture(folder / "auroc.png", labeling_curves(rounds, plan.margin))
    write_atomically(folder / "table.md", lambda part: part.write_text(f"{table}\n", encoding="utf-8"))
    return table
