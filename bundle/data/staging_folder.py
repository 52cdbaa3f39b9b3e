"""A folder appears in the store by one rename, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

_PREFIX = ".ingest-"
STALE_SECONDS = 24 * 3600
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
        return time.time() - folder.stat().st_mtime > STALE_SECONDS
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
