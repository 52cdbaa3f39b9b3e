"""One thing that is wrong with one file."""

from __future__ import annotations

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
