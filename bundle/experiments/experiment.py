"""A table, before it has numbers: rows of overlays, repeated over folds, seeds or sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bundle.experiments.bundle_run import BundleRun


@dataclass(frozen=True)
class Experiment:
    """What `configs/experiments/<name>.yaml` says.

    Args:
        name: names the folder of the runs.
        base: config files of every run, train.json first.
        rows: name of a row -> the overlays that make it.
        repeats: name of a repeat -> `--id value` overrides that make it, e.g. a fold or a seed.
        settings: overrides of every run.

    Raises:
        ValueError: `read` found an entry that means nothing, or lacks one.

    Example:
        >>> rows = {"baseline": ["configs/methods/baseline.yaml"]}
        >>> experiment = Experiment("t", ["configs/train.json"], rows, {"0": {"seed": 0}, "1": {"seed": 1}})
        >>> [run.name for run in experiment.runs(Path("runs"))]
        ['baseline/0', 'baseline/1']
    """

    name: str
    base: Sequence[str]
    rows: Mapping[str, Sequence[str]]
    repeats: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: str | Path) -> Experiment:
        """Return the experiment of a YAML file."""
        content = yaml.safe_load(Path(path).read_text())
        required, optional = {"base", "rows", "repeats"}, {"settings"}
        wrong = (set(content) ^ required) - optional if isinstance(content, dict) else required
        if wrong:
            raise ValueError(f"{path} expected the entries base, rows, repeats and settings; check {sorted(wrong)}.")
        repeats = {str(name): overrides for name, overrides in content["repeats"].items()}
        return cls(Path(path).stem, content["base"], content["rows"], repeats, content.get("settings") or {})

    def runs(self, root: Path, settings: Mapping[str, Any] | None = None) -> list[BundleRun]:
        """Return one run for each row and repeat, below `root/<name>`.

        Repeats are outermost: all methods of one fold finish before the next fold starts.
        """
        common = {**self.settings, **(settings or {})}
        return [
            BundleRun(
                f"{row}/{repeat}",
                root / self.name / row / repeat,
                [*self.base, *overlays],
                {**common, **overrides},
            )
            for repeat, overrides in self.repeats.items()
            for row, overlays in self.rows.items()
        ]
