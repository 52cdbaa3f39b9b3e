"""Folders that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bundle.files.atomic_file import naming_full_folder

try:
    import fcntl
except ImportError:  # not a Unix: the age of a part alone tells whether it is still filled
    fcntl = None  # type: ignore[assignment]

STALE_SECONDS = 3600
"""A part in which nothing changed for so long was left by a killed process; a younger one may still be written."""


@contextmanager
def folder_atomically(path: str | os.PathLike[str], *, replace: bool = True) -> Iterator[Path]:
    """Give a new folder beside `path` to fill, then rename it to `path`; on an error remove it.

    A kill leaves the old folder or the new one. A folder cannot be renamed onto another that holds files, so the old
    one is set aside first; where a kill comes in between, the next call for the same path puts it back.

    Args:
        path: the folder; missing parents are made.
        replace: False keeps a folder that is already there, because another process was faster, and drops this one.

    Raises:
        NotADirectoryError: `path` is a file.
        OSError: of the file system; where the disk is full it names the folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     with folder_atomically(Path(parent) / "case") as folder:
        ...         (folder / "a.txt").touch()
        ...     sorted(path.relative_to(parent).as_posix() for path in Path(parent).rglob("*"))
        ['case', 'case/a.txt']
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} must be a folder or not exist, got a file: move it away.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if replace:
        _put_back(path)
    part = _part_of(path)
    part.mkdir()
    try:
        with _held(part), naming_full_folder(path.parent):
            yield part
            if replace:
                _replace(path, part)
            else:
                _keep_first(path, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_parts(parent: Path) -> None:
    """Remove all parts in a folder that this process alone writes, files and folders, also those of Ignite's saver.

    Args:
        parent: folder; it need not exist.
    """
    for part in (*parent.glob(".*.part-*"), *parent.glob("tmp????????")):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def remove_stale_parts(parent: Path) -> None:
    """Remove the parts that killed processes left in a folder, by their age and by nobody holding them.

    Args:
        parent: folder in which folders appear; it need not exist.
    """
    for part in (*parent.glob(".*.part-*"), *parent.glob(".ingest-*")):  # the latter were those of version 0.1
        if part.is_dir() and _seconds_unchanged(part) > STALE_SECONDS and not _is_held(part):
            shutil.rmtree(part, ignore_errors=True)


def discard_folder(folder: Path) -> None:
    """Take a folder out of sight by one rename, then remove it.

    Args:
        folder: turned out to be damaged; gone already is fine.
    """
    part = _part_of(folder)
    try:
        folder.rename(part)
    except FileNotFoundError:
        return  # another process discarded it
    shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """Hold a lock on a folder, which the system lets go when this process ends, however it does."""
    if fcntl is None:
        yield
        return
    handle = os.open(part, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: its age alone tells
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _is_held(part: Path) -> bool:
    """Return whether a process still writes into a folder, as far as its file system can tell."""
    if fcntl is None:
        return False
    try:
        handle = os.open(part, os.O_RDONLY)
    except OSError:
        return False  # it is gone
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _part_of(path: Path) -> Path:
    # hidden and unique: nobody takes it for a result, and two processes do not write into one
    return path.with_name(f".{uuid.uuid4().hex[:8]}.part-{path.name}")


def _aside_of(path: Path) -> Path:
    return path.with_name(f".old-{path.name}")


def _put_back(path: Path) -> None:
    """Undo what a kill between two renames left."""
    aside = _aside_of(path)
    if aside.exists() and not path.exists():
        aside.rename(path)
    shutil.rmtree(aside, ignore_errors=True)
    remove_stale_parts(path.parent)


def _replace(path: Path, part: Path) -> None:
    for attempts_left in reversed(range(10)):  # another process may replace the same folder in the same moment
        try:
            if path.exists():
                path.rename(_aside_of(path))
            part.rename(path)
            break
        except OSError:
            if not attempts_left:
                raise
            shutil.rmtree(_aside_of(path), ignore_errors=True)
    shutil.rmtree(_aside_of(path), ignore_errors=True)


def _keep_first(path: Path, part: Path) -> None:
    try:
        part.rename(path)
    except OSError:
        if not path.is_dir():
            raise


def _seconds_unchanged(folder: Path) -> float:
    """Return the time since a folder or a file in it last changed, 0 if another process has just renamed it."""
    try:
        return time.time() - max(path.stat().st_mtime for path in [folder, *folder.iterdir()])
    except FileNotFoundError:
        return 0.0
