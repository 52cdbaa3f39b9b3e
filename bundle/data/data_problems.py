"""The refusal: all errors of all cases in one exception."""

from __future__ import annotations

from collections.abc import Iterable

from bundle.data.problem import Problem


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
