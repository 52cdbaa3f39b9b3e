"""One thing that is wrong with one file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What was expected of a file, what it holds instead, and what to do.

    Args:
        case: id of the case.
        file: the file in question.
        expected: what training needs.
        found: what is there.
        remedy: what to do about it.
        severity: ``"error"`` if training must refuse the case, ``"warning"`` if it may go on.

    Example:
        >>> str(Problem("a", "a_t1.nii", "a file", "nothing", "Copy it there."))
        'error: case a: a_t1.nii: expected a file, found nothing. Copy it there.'
    """

    case: str
    file: str
    expected: str
    found: str
    remedy: str
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.severity}: case {self.case}: {self.file}"
        return f"{place}: expected {self.expected}, found {self.found}. {self.remedy}"


class DataProblems(ValueError):  # noqa: N818 - it is a list of problems, not one error
    """Raised when cases are unfit for training; its text lists every error, its `problems` hold them.

    Args:
        problems: the errors.

    Example:
        >>> error = DataProblems([Problem("a", "a.nii", "a file", "nothing", "Copy it.")])
        >>> str(error).splitlines()[0]
        '1 problem in 1 case must be solved first (scripts/check_data.py shows them all):'
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        cases = len({problem.case for problem in self.problems})
        head = (
            f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)} in {cases} case{'s' * (cases != 1)} "
            "must be solved first (scripts/check_data.py shows them all):"
        )
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def raise_for_problems(problems: Iterable[Problem]) -> None:
    """Raise `DataProblems` if any of the problems is an error; warnings pass.

    Raises:
        DataProblems: with all errors at once.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DataProblems(errors)
