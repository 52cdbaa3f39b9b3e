"""Experiments: rows of overlays, repeated over folds, seeds or sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from bundle.experiments.overrides import IDS_OF_ONE_RUN, overlay_ids, require_teachers, touching, with_teacher
from bundle.experiments.published_scores import published_scores
from bundle.experiments.run import BundleRun
from bundle.workflow.knobs import names

Row = Sequence[str] | Mapping[str, Any]
_REQUIRED = frozenset({"base", "rows", "repeats"})
_OPTIONAL = frozenset({"settings", "folder", "shares", "curves", "published"})
_KINDS: dict[str, tuple[Any, str]] = {
    "base": (list | tuple, "a list of config files"),
    "rows": (Mapping, "name: [overlay, ...]"),
    "repeats": (Mapping, "name: {id: value}"),
    "settings": (Mapping, "id: value"),
    "folder": (str, "a name"),
    "shares": (Mapping, "row: percent"),
    "curves": (Mapping, "method: {row: percent}"),
}


@dataclass(frozen=True)
class Experiment:
    """Content of `configs/experiments/<name>.yaml`.

    Args:
        name: names the experiment.
        base: config files of every run, train.json first.
        rows: name of a row -> the overlays that make it, or {"overlays": [...], <id>: value} with overrides of its own;
            `teacher: ROW` takes the weights of the same repeat of a row above.
        repeats: name of a repeat -> `--id value` overrides that make it, e.g. a fold and a seed; a file may give them
            as {id: [value, ...]}, then every combination is a repeat, such as `fold0_seed1`.
        settings: overrides of every run.
        folder: of the runs, by default the name; experiments of one folder share the runs of rows with the same name,
            so such rows must be the same in all of them.
        shares: name of a row -> percent of the training cases whose masks it uses; makes the table a curve.
        curves: name of a method -> its rows -> the same percent; draws a line per method, see `mask_curves`.
        published: name of a row -> scores of a paper, see `published_scores`.

    Raises:
        ValueError: an entry of the file is unknown or missing; an entry or a row has another form, a name cannot name a
            folder, or an overlay is missing.

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
    curves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry, (kind, form) in _KINDS.items():
            if not isinstance(getattr(self, entry), kind):
                raise ValueError(f"{entry} must be {form}, got {getattr(self, entry)!r}.")
        for name in [*self.rows, *self.repeats, *filter(None, [self.folder])]:
            if Path(name).name != name or name == "..":
                raise ValueError(f"names of rows, repeats and folder must name a folder, got {name!r}.")
        for name in self.rows:
            self.row(name)
        for name, overrides in self.repeats.items():
            if not isinstance(overrides, Mapping):
                raise ValueError(f"repeat {name} must be {{id: value}}, got {overrides!r}.")
        self._require_rows("shares", self.shares)
        for method, shares in self.curves.items():
            self._require_rows(f"curves of {method}", shares)

    def _require_rows(self, name: str, shares: Any) -> None:
        if not isinstance(shares, Mapping) or not set(shares) <= set(self.rows):
            raise ValueError(f"{name} must be {{row: percent}} with some of {', '.join(self.rows)}, got {shares!r}.")

    @classmethod
    def read(cls, path: str | Path) -> Experiment:
        """Return the experiment of a YAML file; `published` names a data set of the published.csv beside it."""
        path = Path(path)
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: file must be YAML, got {error}: mend it.") from error
        wrong = (set(content) ^ _REQUIRED) - _OPTIONAL if isinstance(content, dict) else _REQUIRED
        if wrong:
            raise ValueError(
                f"{path}: entries must be base, rows, repeats and settings, and perhaps folder, shares, curves and "
                f"published, got others: check {sorted(wrong)}."
            )
        given = {name: value for name, value in content.items() if value is not None or name in _REQUIRED}
        entries = {name: _with_text_keys(value) for name, value in given.items()}
        entries["repeats"] = _repeats(entries["repeats"])
        if "published" in entries:
            entries["published"] = published_scores(path.with_name("published.csv"), entries["published"])
        try:
            require_teachers(entries["rows"])
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
            raise ValueError(f"rows of {self.name} must be some of {', '.join(self.rows)}, got {unknown}.")
        rows = {name: row for name, row in self.rows.items() if name in names}
        shares = {row: share for row, share in self.shares.items() if row in rows}
        kept = {method: {row: of[row] for row in of if row in rows} for method, of in self.curves.items()}
        return replace(self, rows=rows, shares=shares, curves={method: of for method, of in kept.items() if of})

    def row(self, name: str) -> tuple[list[str], dict[str, Any]]:
        """Return the overlays and the overrides of a row."""
        content = self.rows[name]
        overrides = dict(content) if isinstance(content, Mapping) else {"overlays": content}
        overlays = overrides.pop("overlays", None)
        if not isinstance(overlays, list) or not all(isinstance(file, str) for file in overlays):
            raise ValueError(f"row {name} must be [overlay, ...] or {{overlays: [...], id: value}}, got {content}.")
        return overlays, overrides

    def folders(self, root: Path) -> dict[str, list[Path]]:
        """Return row -> folders of its runs, in the order of the repeats."""
        return {row: [self.run_folder(row, repeat, root) for repeat in self.repeats] for row in self.rows}

    def run_folder(self, row: str, repeat: str, root: Path) -> Path:
        """Return the folder of a run: `root/<folder>/<row>/<repeat>`."""
        return root / (self.folder or self.name) / row / repeat

    def run(
        self, row: str, repeat: str, root: Path, settings: Mapping[str, Any] | None = None, *, evaluates: bool = True
    ) -> BundleRun:
        """Return one run in its folder.

        An `id: value` of the row or the repeat wins over the settings of the file. `settings` of the call must not
        change ids that define the row or the repeat (data folders excepted).

        Raises:
            ValueError: settings of all runs change an id that defines this one, or that every run has of its own.
        """
        overlays, own = self.row(row)
        own = with_teacher({**own, **self.repeats[repeat]}, lambda name: self.run_folder(name, repeat, root))
        settings = settings or {}
        overlaid = [id_ for file in overlays for id_ in overlay_ids(file)]
        touched = touching([name for name in settings if name not in names("source")], [*own, *overlaid])
        touched += touching([name for name in self.settings if name not in own], overlaid)
        if touched:
            raise ValueError(
                f"settings of all runs must be ids that rows and repeats do not set, got {', '.join(touched)}, which "
                f"{row}/{repeat} sets: it would be another row under the same name. Change the row, or give a search "
                "the knob."
            )
        overrides = {**self.settings, **settings, **own}
        if taken := touching(overrides, IDS_OF_ONE_RUN):
            raise ValueError(f"ids of {row}/{repeat} must not be {', '.join(taken)}: every run has its own.")
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


def _with_text_keys(content: Any) -> Any:
    """Return a mapping with text as its keys, anything else as it is: YAML reads `0:` as a number."""
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else content


def _repeats(content: Any) -> Any:
    """Return the combinations of {id: [value, ...]} as repeats, named by their values; anything else as it is."""
    if not isinstance(content, Mapping) or not content or not all(isinstance(of, list) for of in content.values()):
        return content
    combined = [dict(zip(content, values, strict=True)) for values in product(*content.values())]
    return {"_".join(v if isinstance(v, str) else f"{k}{v}" for k, v in of.items()): of for of in combined}
