"""A folder that is there whole or not at all."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange_paths(one: Path, other: Path) -> bool:
    """Let two existing paths of one file system change places atomically, where Linux and its file system can.

    Python has no name for this system call; a plain rename cannot replace a folder that holds files.

    Returns:
        False where this cannot be done; then nothing has changed.

    Example:
        >>> exchange_paths(Path("no such file"), Path("nor this"))
        False
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # macOS, an old C library, Windows
        return False
    names = (os.fsencode(one), os.fsencode(other))
    return renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0


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


_PREFIX = ".ingest-"
STAGING_STALE_SECONDS = 24 * 3600
"""A temporary folder of another machine this old has nobody left who writes into it."""


@contextmanager
def staging_folder(final: Path) -> Iterator[Path]:
    """Give a temporary folder beside `final` to fill, then rename it to `final`; on an error remove it.

    If another process was faster, its folder stays and this one is dropped. A kill leaves only the temporary folder.

    Args:
        final: folder to appear; its parent must exist.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as store:
        ...     with staging_folder(Path(store) / "case") as folder:
        ...         _ = (folder / "meta.json").write_text("{}")
        ...     [path.name for path in Path(store).iterdir()]
        ['case']
    """
    folder = final.parent / f"{_PREFIX}{_scope()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    try:
        yield folder
        try:
            folder.rename(final)
        except OSError:
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale(store: Path) -> None:
    """Remove temporary folders that killed processes left: of dead processes here, or a day old from anywhere.

    Args:
        store: folder in which cases appear; it need not exist.
    """
    for folder in store.glob(f"{_PREFIX}*"):
        if _is_stale(folder=folder):
            shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Take a folder out of sight by one rename, then remove it.

    Args:
        folder: a stored case that turned out to be damaged; gone already is fine.
    """
    aside = folder.parent / f"{_PREFIX}{_scope()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return  # another process discarded it
    shutil.rmtree(aside, ignore_errors=True)


def _is_stale(*, folder: Path) -> bool:
    scope, pid = folder.name.removeprefix(_PREFIX).split("-")[:2]
    if scope == _scope() and pid.isdigit() and not _is_alive(pid=int(pid)):
        return True
    try:
        return time.time() - folder.stat().st_mtime > STAGING_STALE_SECONDS
    except OSError:
        return False  # just renamed or removed


def _is_alive(*, pid: int) -> bool:
    if os.name == "nt":
        return True  # there, signal 0 would not ask but kill
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    return True


@lru_cache(maxsize=1)
def _scope() -> str:
    """Name the space in which process ids count: this host and, in a container, its own numbering."""
    numbering = Path("/proc/self/ns/pid")
    inode = numbering.stat().st_ino if numbering.exists() else 0
    return hashlib.sha256(f"{socket.gethostname()}:{inode}".encode()).hexdigest()[:8]
