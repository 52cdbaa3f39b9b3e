"""Where a case's results go."""

from __future__ import annotations

import os
from pathlib import Path


def case_folder(output_dir: str | os.PathLike[str], case: str) -> Path:
    """Return `<output_dir>/<case>`, refusing names that would lead elsewhere.

    Case names come from file names and data lists, that is from outside.

    Raises:
        ValueError: the name is empty, starts with a dot, or holds a path separator or a control character.

    Example:
        >>> case_folder("results", "patient_07").as_posix()
        'results/patient_07'
    """
    if not case or case.startswith(".") or any(letter in "/\\" or not letter.isprintable() for letter in case):
        raise ValueError(
            "Expected a case name that can name a folder (not empty, no dot in front, neither / nor \\, "
            f"no control characters), got {case!r}: set `case` in the data list."
        )
    return Path(output_dir) / case
