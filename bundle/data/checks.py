"""All cases of a data set checked: one table, and every problem at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tqdm import tqdm

from bundle.data.case_check import CaseRow, check_case
from bundle.data.case_names import complete_items
from bundle.data.check_report import CheckReport
from bundle.data.problem import Problem

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
    named = complete_items(items)
    check = check or partial(check_case, in_channels=in_channels)
    with ThreadPoolExecutor(max_workers=max(num_workers, 1)) as pool:
        run = pool.map(check, named) if num_workers else map(check, named)
        results = list(tqdm(run, total=len(named), desc="check", unit="case", disable=not progress))
    return CheckReport([row for row, _ in results], [problem for _, problems in results for problem in problems])
