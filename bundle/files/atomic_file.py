"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` make the file beside `path`, then rename it: a kill leaves the old file or the new one.

    Args:
        path: the file; missing parent folders are made.
        write: makes the file it is given; that name ends like `path`, because some libraries look at the ending.

    Returns:
        `path`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomically(Path(folder) / "a.txt", lambda part: part.write_text("whole")).read_text()
        'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # hidden and unique: nobody takes it for a result, and two processes do not write into one
    part = path.with_name(f".{uuid.uuid4().hex[:8]}.part-{path.name}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
