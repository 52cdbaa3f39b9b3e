"""Report of the checks of all cases: one table, and every problem at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from tqdm import tqdm

from bundle.data.cases.case import with_identities
from bundle.data.cases.check_case import CaseRow, check_case
from bundle.data.cases.same_scan import same_scan_problems
from bundle.keys import LABEL
from bundle.volumes import Problem, summarized

_HEAD = ("case", "patient", "site", "slices", "positive", "labels", "shape", "spacing")
_KINDS = {"mask": "masks", "slices": "slice labels", "-": "no labels"}
"""Kinds of labels in the table, and in the line that counts them."""


@dataclass(frozen=True)
class CheckReport:
    """Rows and problems of all cases.

    Args:
        rows: one per case.
        problems: errors and warnings, in the order of the cases.
        labels: kind of each row's label: ``"mask"``, ``"slices"`` for a CSV, or ``"-"``.

    Example:
        >>> report = CheckReport([CaseRow("a", "p", "x", 20, 5, (4, 4, 20), (1.0, 1.0, 5.0))], [], ["mask"])
        >>> print(report.table())
        case  patient  site  slices  positive  labels  shape   spacing
        a     p        x     20      5         mask    4x4x20  1x1x5
        <BLANKLINE>
        site  cases  patients  slices  positive
        x     1      1         20      5 (25%)
        all   1      1         20      5 (25%)
    """

    rows: Sequence[CaseRow]
    problems: Sequence[Problem]
    labels: Sequence[str] = ()

    @property
    def errors(self) -> list[Problem]:
        """Problems for which training refuses the case."""
        return [problem for problem in self.problems if problem.is_error]

    def table(self) -> str:
        """Return one line per case, then one per site."""
        labels = self.labels or ["-"] * len(self.rows)
        lines = [_line(row=row, label=label) for row, label in zip(self.rows, labels, strict=True)]
        cases = _columns(rows=[_HEAD, *lines])
        return f"{cases}\n\n{_columns(rows=_sites(rows=self.rows))}"

    def text(self) -> str:
        """Return the table, the kinds of labels and all problems; what many cases share is one line."""
        warnings = len(self.problems) - len(self.errors)
        lines = [self.table(), "", self.label_line(), *summarized(self.problems)]
        lines += [f"warning: {line}" for line in self._lacks()]
        return "\n".join([*lines, f"{len(self.rows)} cases, {len(self.errors)} errors, {warnings} warnings"])

    def label_line(self) -> str:
        """Return how many cases have masks, slice labels and neither."""
        return "labels: " + ", ".join(f"{name} {self.labels.count(kind)}" for kind, name in _KINDS.items())

    def _lacks(self) -> Iterator[str]:
        """Yield why a training on these cases would have nothing to learn."""
        labeled = [row for row in self.rows if row.positive is not None]
        positive = sum(row.positive or 0 for row in labeled)
        if len(labeled) > 1 and not positive:
            yield "no slice of any case is positive: a training has nothing to learn."
        elif len(labeled) > 1 and positive == sum(row.slices or 0 for row in labeled):
            yield "all labeled slices are positive: a training has nothing to tell apart."
        elif len(self.rows) > 1 and not any(kind != "-" for kind in self.labels) and self.labels:
            yield "no case has a mask or slice labels: a training on these cases is refused."


def label_kind(item: Mapping[str, Any]) -> str:
    """Return ``"mask"``, ``"slices"`` for a CSV of slice labels, or ``"-"`` for a case without.

    Example:
        >>> label_kind({"label": "a.csv"}), label_kind({"label": ["a.nii"]}), label_kind({})
        ('slices', 'mask', '-')
    """
    label = item.get(LABEL)
    first = label[0] if isinstance(label, list | tuple) and label else label
    return "-" if first is None else "slices" if str(first).lower().endswith(".csv") else "mask"


def _line(*, row: CaseRow, label: str) -> tuple[str, ...]:
    case, patient, site, slices, positive, *size = (_text(value=value) for value in astuple(row))
    return case, patient, site, slices, positive, label, *size


def _text(*, value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(f"{number:g}" for number in value)
    return "-" if value is None else str(value)


def _sites(*, rows: Iterable[CaseRow]) -> list[tuple[str, ...]]:
    by_site: dict[str, list[CaseRow]] = defaultdict(list)
    for row in rows:
        by_site[row.site].append(row)
    lines = [_site(name=name, rows=by_site[name]) for name in sorted(by_site)]
    everyone = [row for members in by_site.values() for row in members]
    return [("site", "cases", "patients", "slices", "positive"), *lines, _site(name="all", rows=everyone)]


def _site(*, name: str, rows: Sequence[CaseRow]) -> tuple[str, ...]:
    slices = sum(row.slices or 0 for row in rows)
    # The share is of slices that have a label: a case without one is not a case of negatives.
    labeled = sum(row.slices or 0 for row in rows if row.positive is not None)
    positive = sum(row.positive or 0 for row in rows)
    share = f" ({positive / labeled:.0%})" if labeled else ""
    return name, str(len(rows)), str(len({row.patient for row in rows})), str(slices), f"{positive}{share}"


def _columns(*, rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


Check = Callable[[Mapping[str, Any]], tuple[CaseRow, list[Problem]]]


def check_cases(
    items: Sequence[Mapping[str, Any]],
    *,
    in_channels: int | None = None,
    check: Check | None = None,
    num_workers: int = 0,
    progress: bool = True,
) -> CheckReport:
    """Check every case; no problem of one case hides those of another.

    Args:
        items: case dictionaries.
        in_channels: channels that the files of a case hold together, for the default check.
        check: function of an item; by default `check_case`.
        num_workers: threads that read files (unpacking lets go of Python's lock), 0 for none.
        progress: show a progress bar.

    Raises:
        ValueError: if two items have the same case id.

    Example:
        >>> report = check_cases([{"image": "no.nii", "case": "a", "patient": "a"}], progress=False)
        >>> [problem.found for problem in report.problems]
        ['no such file']
    """
    named = with_identities(items)
    check = check or partial(check_case, in_channels=in_channels)
    with ThreadPoolExecutor(max_workers=max(num_workers, 1)) as pool:
        run = pool.map(check, named) if num_workers else map(check, named)
        results = list(tqdm(run, total=len(named), desc="check", unit="case", disable=not progress))
    problems = [problem for _, found in results for problem in found] + same_scan_problems(named)
    return CheckReport([row for row, _ in results], problems, [label_kind(item) for item in named])
