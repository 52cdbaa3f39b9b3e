"""A folder that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from bundle.writers.exchange import exchange_paths

STALE_SECONDS = 600
"""A part this old was left by a killed process; a younger one may belong to a process that is at work."""


def folder_atomically(path: str | os.PathLike[str], fill: Callable[[Path], None]) -> Path:
    """Let `fill` fill a new folder beside `path`, then rename it: a killed process leaves the old folder or the new.

    A folder that is already there is replaced as a whole. Linux swaps the two in one step. Elsewhere the old one is set
    aside first, and the next call for the same path puts it back if a kill came in between.

    Args:
        path: the folder; missing parents are made.
        fill: puts the files into the folder it is given.

    Returns:
        `path`.

    Raises:
        NotADirectoryError: `path` is a file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = folder_atomically(Path(folder) / "case", lambda new: (new / "a.txt").touch())
        ...     [file.name for file in made.iterdir()], [file.name for file in Path(folder).iterdir()]
        (['a.txt'], ['case'])
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"Expected {path} to be a folder or not to exist, but it is a file: move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(path)
    part = path.with_name(f".{uuid.uuid4().hex[:8]}.part-{path.name}")
    part.mkdir()
    try:
        fill(part)
        put_in_place(part, path=path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return path


def put_in_place(part: Path, *, path: Path) -> None:
    """Give `part` the name `path`; what had that name is removed."""
    if not path.exists():
        part.rename(path)
    elif not exchange_paths(part, path):
        aside = set_aside_name(path)
        path.rename(aside)
        part.rename(path)
        shutil.rmtree(aside)


def clear_leftovers(path: Path) -> None:
    """Put back a folder that a killed process had set aside; remove what killed processes left half done here."""
    aside = set_aside_name(path)
    if aside.exists() and not path.exists():
        aside.rename(path)
    shutil.rmtree(aside, ignore_errors=True)
    for part in path.parent.glob(".*.part-*"):
        if part.is_dir() and seconds_old(part) > STALE_SECONDS:
            shutil.rmtree(part, ignore_errors=True)


def seconds_old(path: Path) -> float:
    """Return the time since the folder last changed, 0 if another process has just renamed it."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def set_aside_name(path: Path) -> Path:
    """Return where the old folder waits while the new one is renamed."""
    return path.with_name(f".old-{path.name}")
