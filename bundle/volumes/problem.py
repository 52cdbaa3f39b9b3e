"""Problems of data files: checks list them all, loaders raise the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Problem:
    """A requirement that a file does not meet, and its remedy.

    Args:
        file: the file in question.
        expected: what it must be or hold, as it follows "must".
        found: what it is or holds instead.
        remedy: what to do about it.
        severity: ``"error"`` if training must refuse the case, ``"warning"`` if it may go on.
        case: id of the case, empty where the reader knows only the file.

    Example:
        >>> problem = Problem("a_t1.nii", "be a file", "nothing", "copy it there")
        >>> problem.text
        'a_t1.nii must be a file, got nothing: copy it there.'
        >>> str(problem.of_case("a"))
        'error: case a: a_t1.nii must be a file, got nothing: copy it there.'
    """

    file: str
    expected: str
    found: str
    remedy: str
    severity: str = "error"
    case: str = ""

    @property
    def text(self) -> str:
        """The sentence that a loader raises."""
        return f"{self.file} must {self.expected}, got {self.found}: {self.remedy}."

    @property
    def is_error(self) -> bool:
        """True if training must refuse the case."""
        return self.severity == "error"

    def of_case(self, case: str) -> Problem:
        """Return the same problem under the id of its case."""
        return replace(self, case=case)

    def __str__(self) -> str:
        return f"{self.severity}: {f'case {self.case}: ' if self.case else ''}{self.text}"


class DataProblems(ValueError):  # noqa: N818 - it is a list of problems, not one error
    """Error that refuses cases for training; its text lists every error, its `problems` hold them.

    Args:
        problems: the errors.

    Example:
        >>> error = DataProblems([Problem("a.nii", "be a file", "nothing", "copy it", case="a")])
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
        super().__init__("\n".join([head, *(f"  {line}" for line in summarized(self.problems))]))


def summarized(problems: Iterable[Problem], many: int = 4) -> list[str]:
    """Return one line per problem; what `many` cases or more complain of in the same words is one line.

    Example:
        >>> several = [Problem(f"{case}.nii", "be a file", "nothing", "copy it", case=case) for case in "abcd"]
        >>> summarized(several)
        ['error: 4 cases (a, b, c ...), e.g. a.nii must be a file, got nothing: copy it.']
    """
    alike: dict[tuple[str, ...], list[Problem]] = defaultdict(list)
    for problem in problems:
        alike[problem.severity, problem.expected, problem.found, problem.remedy].append(problem)
    lines = []
    for group in alike.values():
        cases = list(dict.fromkeys(problem.case for problem in group))
        if len(cases) < many:
            lines += [str(problem) for problem in group]
        else:
            shown = ", ".join(cases[:3])
            lines.append(f"{group[0].severity}: {len(cases)} cases ({shown} ...), e.g. {group[0].text}")
    return lines


def raise_for_problems(problems: Iterable[Problem]) -> None:
    """Raise `DataProblems` if any of the problems is an error; warnings pass.

    Raises:
        DataProblems: with all errors at once.
    """
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise DataProblems(errors)


def raise_first(problems: Iterable[Problem]) -> None:
    """Raise the first error among the problems of a file that is being loaded; warnings pass.

    Raises:
        ValueError: the text of the problem.

    Example:
        >>> raise_first([Problem("a.nii", "hold finite numbers", "3 NaN", "replace them")])
        Traceback (most recent call last):
        ValueError: a.nii must hold finite numbers, got 3 NaN: replace them.
    """
    for problem in problems:
        if problem.is_error:
            raise ValueError(problem.text)
