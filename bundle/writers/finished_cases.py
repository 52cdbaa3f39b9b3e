"""Which cases an earlier inference has done."""

from __future__ import annotations

import os
from pathlib import Path


def finished_cases(output_dir: str | os.PathLike[str]) -> list[str]:
    """Return the names of the case folders in `output_dir`; they are complete, because they appear by one rename.

    Example:
        >>> finished_cases("no such folder")
        []
    """
    return sorted(path.parent.name for path in Path(output_dir).glob("[!.]*/summary.json"))
