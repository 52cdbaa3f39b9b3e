"""Report of the checks of all cases: one table, and every problem at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

from tqdm import tqdm

from bundle.data.cases.case import with_identities
from bundle.data.cases.check_case import CaseRow, check_case
from bundle.volumes import Problem

_HEAD = ("case", "patient", "site", "slices", "positive", "shape", "spacing")


@dataclass(frozen=True)
class CheckReport:
    """Rows and problems of all cases.

    Args:
        rows: one per case.
        problems: errors and warnings, in the order of the cases.

    Example:
        >>> report = CheckReport([CaseRow("a", "p", "x", 20, 5, (4, 4, 20), (1.0, 1.0, 5.0))], [])
        >>> print(report.table())
        case  patient  site  slices  positive  shape   spacing
        a     p        x     20      5         4x4x20  1x1x5
        <BLANKLINE>
        site  cases  patients  slices  positive
        x     1      1         20      5 (25%)
        all   1      1         20      5 (25%)
    """

    rows: Sequence[CaseRow]
    problems: Sequence[Problem]

    @property
    def errors(self) -> list[Problem]:
        """Problems for which training refuses the case."""
        return [problem for problem in self.problems if problem.is_error]

    def table(self) -> str:
        """Return one line per case, then one per site."""
        cases = _columns(rows=[_HEAD, *(tuple(_text(value=value) for value in astuple(row)) for row in self.rows)])
        return f"{cases}\n\n{_columns(rows=_sites(rows=self.rows))}"

    def text(self) -> str:
        """Return the table and all problems."""
        warnings = len(self.problems) - len(self.errors)
        lines = [self.table(), "", *(str(problem) for problem in self.problems)]
        return "\n".join([*lines, f"{len(self.rows)} cases, {len(self.errors)} errors, {warnings} warnings"])


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
    return CheckReport([row for row, _ in results], [problem for _, problems in results for problem in problems])
