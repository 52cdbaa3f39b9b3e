"""A table, before it has numbers: rows of overlays, repeated over folds, seeds or sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from bundle.experiments.overrides import IDS_OF_ONE_RUN, overlay_ids, touching
from bundle.experiments.results_table import published_scores
from bundle.experiments.run import BundleRun
from bundle.workflow.knobs import names

Row = Sequence[str] | Mapping[str, Any]
REQUIRED = frozenset({"base", "rows", "repeats"})
OPTIONAL = frozenset({"settings", "folder", "shares", "published"})
KINDS: dict[str, tuple[Any, str]] = {
    "base": (list | tuple, "a list of config files"),
    "rows": (Mapping, "name: [overlay, ...]"),
    "repeats": (Mapping, "name: {id: value}"),
    "settings": (Mapping, "id: value"),
    "folder": (str, "a name"),
    "shares": (Mapping, "row: percent"),
}


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
        ValueError: `read` found an entry that means nothing, or lacks one; an entry or a row has another form, a name
            cannot name a folder, or an overlay is not there.

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
        for entry, (kind, form) in KINDS.items():
            if not isinstance(getattr(self, entry), kind):
                raise ValueError(f"{entry} expected {form}, got {getattr(self, entry)!r}.")
        for name in [*self.rows, *self.repeats, *filter(None, [self.folder])]:
            if Path(name).name != name or name == "..":
                raise ValueError(f"rows, repeats and folder expected names of folders, got {name!r}.")
        for name in self.rows:
            self.row(name)
        for name, overrides in self.repeats.items():
            if not isinstance(overrides, Mapping):
                raise ValueError(f"repeat {name} expected {{id: value}}, got {overrides!r}.")
        if unknown := sorted(set(self.shares) - set(self.rows)):
            raise ValueError(f"shares expected names of rows ({', '.join(self.rows)}), got {unknown}.")

    @classmethod
    def read(cls, path: str | Path) -> Experiment:
        """Return the experiment of a YAML file; `published` names a data set of the published.csv beside it."""
        path = Path(path)
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} expected YAML: {error}") from error
        wrong = (set(content) ^ REQUIRED) - OPTIONAL if isinstance(content, dict) else REQUIRED
        if wrong:
            raise ValueError(
                f"{path} expected the entries base, rows, repeats and settings, and perhaps folder, shares and "
                f"published; check {sorted(wrong)}."
            )
        given = {name: value for name, value in content.items() if value is not None or name in REQUIRED}
        entries = {name: with_text_keys(value) for name, value in given.items()}
        if "published" in entries:
            entries["published"] = published_scores(path.with_name("published.csv"), entries["published"])
        try:
            return cls(path.stem, **entries)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def only(self, names: Sequence[str] | None) -> Experiment:
        """Return the experiment with these rows alone, in its own order; the whole one for None.

        Raises:
            ValueError: there is no such row.
        """
        if names is None:
            return self
        if unknown := sorted(set(names) - set(self.rows)):
            raise ValueError(f"{self.name} expected some of its rows {', '.join(self.rows)}, got {unknown}.")
        rows = {name: row for name, row in self.rows.items() if name in names}
        return replace(self, rows=rows, shares={row: self.shares[row] for row in self.shares if row in rows})

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
        return {row: [self.run_folder(row, repeat, root) for repeat in self.repeats] for row in self.rows}

    def run_folder(self, row: str, repeat: str, root: Path) -> Path:
        """Return where a run is: `root/<folder>/<row>/<repeat>`."""
        return root / (self.folder or self.name) / row / repeat

    def run(
        self, row: str, repeat: str, root: Path, settings: Mapping[str, Any] | None = None, *, evaluates: bool = True
    ) -> BundleRun:
        """Return one run in its folder.

        What the row and the repeat give as `id: value` wins over the settings of the file. `settings` of the call, save
        where the data are, may not touch what makes the row or the repeat.

        Raises:
            ValueError: what is for all runs touches what makes this one, or each run has it of its own.
        """
        overlays, own = self.row(row)
        settings, own = settings or {}, {**own, **self.repeats[repeat]}
        overlaid = [id_ for file in overlays for id_ in overlay_ids(file)]
        touched = touching([name for name in settings if name not in names("source")], [*own, *overlaid])
        touched += touching([name for name in self.settings if name not in own], overlaid)
        if touched:
            raise ValueError(
                f"what is for all runs expected ids that rows and repeats do not set, got {', '.join(touched)}, which "
                f"{row}/{repeat} sets: it would be another row under the same name. Change the row, or give a search "
                "the knob."
            )
        overrides = {**self.settings, **settings, **own}
        if taken := touching(overrides, IDS_OF_ONE_RUN):
            raise ValueError(f"{row}/{repeat} expected other ids than {', '.join(taken)}: every run has its own.")
        return BundleRun(
            f"{row}/{repeat}",
            self.run_folder(row, repeat, root),
            [*self.base, *overlays],
            overrides,
            evaluates=evaluates,
        )

    def runs(self, root: Path, settings: Mapping[str, Any] | None = None) -> list[BundleRun]:
        """Return one run for each row and repeat.

        Repeats are outermost: all methods of one fold finish before the next fold starts.
        """
        return [self.run(row, repeat, root, settings) for repeat in self.repeats for row in self.rows]


def with_text_keys(content: Any) -> Any:
    """Return a mapping with text as its keys, anything else as it is: YAML reads `0:` as a number."""
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else content
