"""A table, before it has numbers: rows of overlays, repeated over folds, seeds or sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.published import published_scores

Row = Sequence[str] | Mapping[str, Any]
REQUIRED = frozenset({"base", "rows", "repeats"})
OPTIONAL = frozenset({"settings", "folder", "shares", "published"})


@dataclass(frozen=True)
class Experiment:
    """What `configs/experiments/<name>.yaml` says.

    Args:
        name: names the experiment.
        base: config files of every run, train.json first.
        rows: name of a row -> the overlays that make it, or {"overlays": [...], <id>: value} with overrides of its own.
        repeats: name of a repeat -> `--id value` overrides that make it, e.g. a fold or a seed.
        settings: overrides of every run.
        folder: of the runs, by default the name; experiments of one folder share the runs of rows with the same name,
            so such rows must be the same in all of them.
        shares: name of a row -> percent of the training cases whose masks it uses; makes the table a curve.
        published: name of a row -> scores of a paper, see `published_scores`.

    Raises:
        ValueError: `read` found an entry that means nothing, or lacks one; a row is neither of its two forms.

    Example:
        >>> rows = {"baseline": ["configs/methods/baseline.yaml"]}
        >>> experiment = Experiment("t", ["configs/train.json"], rows, {"0": {"seed": 0}, "1": {"seed": 1}})
        >>> [run.name for run in experiment.runs(Path("runs"))]
        ['baseline/0', 'baseline/1']
    """

    name: str
    base: Sequence[str]
    rows: Mapping[str, Row]
    repeats: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.rows:
            self.row(name)
        if unknown := sorted(set(self.shares) - set(self.rows)):
            raise ValueError(f"shares expected names of rows ({', '.join(self.rows)}), got {unknown}.")

    @classmethod
    def read(cls, path: str | Path) -> Experiment:
        """Return the experiment of a YAML file; `published` names a data set of the published.csv beside it."""
        path = Path(path)
        content = yaml.safe_load(path.read_text())
        wrong = (set(content) ^ REQUIRED) - OPTIONAL if isinstance(content, dict) else REQUIRED
        if wrong:
            raise ValueError(
                f"{path} expected the entries base, rows, repeats and settings, and perhaps folder, shares and "
                f"published; check {sorted(wrong)}."
            )
        entries = {name: value for name, value in content.items() if value is not None}
        entries["repeats"] = {str(name): overrides for name, overrides in content["repeats"].items()}
        if "published" in entries:
            entries["published"] = published_scores(path.with_name("published.csv"), entries["published"])
        try:
            return cls(path.stem, **entries)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def row(self, name: str) -> tuple[list[str], dict[str, Any]]:
        """Return the overlays and the overrides of a row."""
        content = self.rows[name]
        overrides = dict(content) if isinstance(content, Mapping) else {"overlays": content}
        overlays = overrides.pop("overlays", None)
        if not isinstance(overlays, list) or not all(isinstance(file, str) for file in overlays):
            raise ValueError(f"row {name} expected [overlay, ...] or {{overlays: [...], id: value}}, got {content}.")
        return overlays, overrides

    def folders(self, root: Path) -> dict[str, list[Path]]:
        """Return row -> folders of its runs, in the order of the repeats."""
        return {row: [self.run(row, repeat, root).output_dir for repeat in self.repeats] for row in self.rows}

    def run(
        self, row: str, repeat: str, root: Path, settings: Mapping[str, Any] | None = None, *, evaluates: bool = True
    ) -> BundleRun:
        """Return one run in `root/<folder>/<row>/<repeat>`.

        What makes the row and the repeat counts before `settings`, those before the settings of the file.
        """
        overlays, overrides = self.row(row)
        return BundleRun(
            f"{row}/{repeat}",
            root / (self.folder or self.name) / row / repeat,
            [*self.base, *overlays],
            {**self.settings, **(settings or {}), **overrides, **self.repeats[repeat]},
            evaluates=evaluates,
        )

    def runs(self, root: Path, settings: Mapping[str, Any] | None = None) -> list[BundleRun]:
        """Return one run for each row and repeat.

        Repeats are outermost: all methods of one fold finish before the next fold starts.
        """
        return [self.run(row, repeat, root, settings) for repeat in self.repeats for row in self.rows]
