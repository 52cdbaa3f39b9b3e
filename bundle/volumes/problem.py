"""Problems of data files: checks list them all, loaders raise the first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

# words of gzip, zlib, nibabel and SimpleITK
_DAMAGE = ("CRC check failed", "Incorrect length", "Expected ", "Error -", "File cannot be read", "trouble reading")
_NOT_GZIP = ("Not a gzipped file", "not a gzip file")
_SHORTEST_HEADER = 64
_OWN = re.compile(r"\S*/\S*|[\d.,()\[\]-]+")
"""Paths and numbers in the words of a problem."""


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

    @property
    def kind(self) -> tuple[str, ...]:
        """Severity, requirement and remedy without the paths and numbers of one file: the same for all files alike."""
        return self.severity, *(_OWN.sub("", text) for text in (self.expected, self.remedy))

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
    """Return one line per problem; a kind of problem that `many` cases or more have is one line.

    Example:
        >>> several = [Problem(f"{case}.nii", "be a file", "nothing", "copy it", case=case) for case in "abcd"]
        >>> summarized(several)
        ['error: 4 cases (a, b, c ...), e.g. a.nii must be a file, got nothing: copy it.']
    """
    alike: dict[tuple[str, ...], list[Problem]] = defaultdict(list)
    for problem in problems:
        alike[problem.kind].append(problem)
    lines = []
    for group in alike.values():
        cases = list(dict.fromkeys(problem.case for problem in group))
        if len(cases) < many:
            lines += [str(problem) for problem in group]
        else:
            shown = ", ".join(cases[:3]) + " ..." * (len(cases) > 3)
            lines.append(f"{group[0].severity}: {len(cases)} cases ({shown}), e.g. {group[0].text}")
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
        FileProblem: a ValueError with the text of the problem.

    Example:
        >>> raise_first([Problem("a.nii", "hold finite numbers", "3 NaN", "replace them")])
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: a.nii must hold finite numbers, got 3 NaN: replace them.
    """
    for problem in problems:
        if problem.is_error:
            raise FileProblem(problem)


class FileProblem(ValueError):  # noqa: N818 - a problem that is raised
    """Error of a reader that knows what is wrong with a file: loaders let it through, checks list its problem.

    Args:
        problem: what is wrong.

    Example:
        >>> raise FileProblem(Problem("a", "be a file", "a folder", "name the file"))
        Traceback (most recent call last):
        bundle.volumes.problem.FileProblem: a must be a file, got a folder: name the file.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.text)

    def __reduce__(self) -> tuple[type[FileProblem], tuple[Problem]]:
        return type(self), (self.problem,)  # a worker process hands it over


def reading_problem(file: str, error: Exception, formats: Sequence[str]) -> Problem:
    """Return what a reader's error says of a file that exists: damage is named only where it is so.

    Args:
        file: named in the problem.
        error: of nibabel, gzip, SimpleITK, pydicom, or a missing package.
        formats: suffixes that can be read.

    Example:
        >>> reading_problem("a.mha", ImportError("No module", name="SimpleITK"), [".nii"]).remedy
        'pip install SimpleITK'
    """
    reason = (
        " ".join(str(error).rsplit("ERROR:", 1)[-1].split(" for reading.")[0].split())[:300] or type(error).__name__
    )
    if isinstance(error, ImportError):
        package = {"nrrd": "SimpleITK (or pynrrd)", "pydicom": "'pydicom>=3'"}.get(error.name or "", error.name)
        return Problem(file, "be read by a package that is optional", f"no {package} here", f"pip install {package}")
    if isinstance(error, PermissionError):
        return Problem(file, "be a file that this process may read", reason, "change its permissions")
    if isinstance(error, FileNotFoundError):
        return Problem(file, "lie beside the other file of its pair", reason, "copy both files of the pair")
    short = Path(file).is_file() and Path(file).stat().st_size < _SHORTEST_HEADER
    if short or isinstance(error, EOFError) or any(words in reason for words in _DAMAGE):
        return Problem(file, "be a whole file", reason, "it is truncated or damaged: copy or export it again")
    if any(words in reason for words in _NOT_GZIP):
        remedy = "take away .gz from its name if it was never compressed, or export it again"
        return Problem(file, "be compressed, as its name says", "another content", remedy)
    remedy = f"export it as one of {', '.join(formats)} or as a folder with one DICOM series"
    return Problem(file, "be a readable volume", f"{type(error).__name__}: {reason}", remedy)
