"""Simulation of labeling, from the plan's file to the table and the picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bundle.experiments.labeling import Labeling, LabelingPath
from bundle.experiments.labeling_report import labeling_curves, labeling_table
from bundle.experiments.labeling_training import Setup
from bundle.files import as_json_values, read_json, write_atomically, write_csv, write_json
from bundle.reports import write_picture


def simulate_labeling(plan: Labeling, dataset_dir: Path, output_dir: Path, cache_dir: Path) -> str:
    """Run every round that is not on disk yet, on one thread, and return the table as Markdown.

    `<output_dir>/<name>` gets a folder for each seed, `plan.json`, `rounds.csv`, `table.md` and `auroc.png`. A
    simulation that was killed goes on after its last whole round. Processes may share the folder if each has seeds of
    its own.

    Args:
        plan: seeds, strategies and trainings.
        dataset_dir: scans that are all labeled; labels of a scan are used once it is chosen.
        output_dir: see above.
        cache_dir: slice store.

    Raises:
        ValueError: a strategy is unknown, the data set does not fit the configs, or the folder holds rounds of another
            plan.

    Example:
        >>> plan = Labeling("t", [], {}, [0], {"train": 1, "validation": 1}, 1, strategies=["cleverest"])
        >>> simulate_labeling(plan, Path("data"), Path("runs"), Path("cache"))
        Traceback (most recent call last):
        ValueError: strategies must be some of random, uncertain, got ['cleverest'].
    """
    plan.require_sound()
    folder = output_dir / plan.name
    _require_same_plan(folder / "plan.json", plan)
    torch.set_num_threads(1)
    setup = Setup(plan.base, dataset_dir.absolute(), cache_dir.absolute())
    split = setup.split(plan.settings)
    rows: list[dict[str, Any]] = []
    if split.val:
        raise ValueError("split_fractions must be pool, 0 and test, got validation patients: the pool has its own.")
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


def _require_same_plan(file: Path, plan: Labeling) -> None:
    """Refuse the rounds of another plan, which would be taken for those of this one; it may have more seeds."""
    named = {"name", "seeds", "margin"}
    now = as_json_values({name: value for name, value in dataclasses.asdict(plan).items() if name not in named})
    then = read_json(file if file.exists() else write_json(file, now))
    if changed := [name for name in now if then.get(name) != now[name]]:
        raise ValueError(
            f"{file.parent} must hold rounds of this plan, got others (changed: {', '.join(changed)}): remove it, or "
            "choose another output_dir."
        )
