"""Model in use and its earlier versions: weights and what belongs to them change by one rename."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from bundle.files import folder_atomically, remove_parts, write_atomically

PLACES = {
    "model.pt": "models",
    "inference.json": "configs",
    "metadata.json": "configs",
    "input_profile.json": "configs",
}
"""File of a version -> folder of the bundle in which consumers look for it; the last one may be absent."""
_VERSIONS, _CURRENT = "versions", "current"


def model_in_use(root: str | os.PathLike[str]) -> Path:
    """Return the folder that holds `model.pt`, `inference.json` and `metadata.json` of one version.

    A process that serves must read all of them from this folder, and again when it is another one.

    Raises:
        FileNotFoundError: no version was made yet.

    Example:
        >>> model_in_use("no/bundle")
        Traceback (most recent call last):
        FileNotFoundError: no/bundle/models/current must be a link to a version, got none: train, or call adopt.
    """
    current = Path(root) / "models" / _CURRENT
    if not current.exists():
        raise FileNotFoundError(f"{current} must be a link to a version, got none: train, or call adopt.")
    return current.resolve()


def versions(root: str | os.PathLike[str]) -> list[str]:
    """Return the names of all versions, the oldest first.

    Example:
        >>> versions("no/bundle")
        []
    """
    return sorted(path.name for path in (Path(root) / "models" / _VERSIONS).glob("[0-9]*") if path.is_dir())


@contextmanager
def holding_models(root: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the models of a bundle, so that one process at a time trains or chooses; a kill lets go of them.

    Raises:
        RuntimeError: another process holds them.
    """
    lock = _lock(root)
    try:
        lock.acquire(timeout=1)  # `is_held` has it for a moment
    except filelock.Timeout:
        place = Path(root) / "models"
        raise RuntimeError(f"{place} must be free, got a training at work on it: wait for it, or stop it.") from None
    try:
        for folder in ("configs", "models", f"models/{_VERSIONS}"):
            remove_parts(Path(root) / folder)  # of a process that was killed
        yield
    finally:
        lock.release()


def is_held(root: str | os.PathLike[str]) -> bool:
    """Return whether a process trains or chooses a model of a bundle.

    Example:
        >>> import tempfile
        >>> is_held(tempfile.mkdtemp())
        False
    """
    lock = _lock(root)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return True
    lock.release()
    return False


def _lock(root: str | os.PathLike[str]) -> filelock.BaseFileLock:
    folder = Path(root) / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(folder / ".training.lock", is_singleton=False)


def adopt(root: str | os.PathLike[str]) -> Path:
    """Make a version of the files in use where they are not one: the packed ones, or those that somebody put there.

    The files then become links through `models/current`. Their content stays the same at every moment.

    Returns:
        The folder of the version in use.

    Raises:
        OSError: the file system has no symbolic links.
    """
    root = Path(root)
    files = {name: root / place / name for name, place in PLACES.items()}
    there = {name: file for name, file in files.items() if file.exists()}
    current = root / "models" / _CURRENT
    if not all(_is_same(file, current / name) for name, file in there.items()):
        _switch(root, _new_version(root, lambda folder, _: _copy(there, folder)))
    _link(root, there)
    return model_in_use(root)


def publish(root: str | os.PathLike[str], write: Callable[[Path, int], object]) -> Path:
    """Make a new version and put it to use by one rename: a kill leaves the old version or the new one in use.

    Args:
        root: folder of the bundle.
        write: fills the folder of the version that has this number.

    Returns:
        The folder of the version, now in use.
    """
    root = Path(root)
    adopt(root)
    version = _new_version(root, write)
    _link(root, [name for name in PLACES if (version / name).exists()])
    _switch(root, version)
    return version


def use(root: str | os.PathLike[str], version: str) -> Path:
    """Put a version that was kept to use again.

    Args:
        root: folder of the bundle.
        version: its name, see `versions`.

    Returns:
        The folder of the version.

    Raises:
        ValueError: there is no such version.

    Example:
        >>> use("no/bundle", "0001")
        Traceback (most recent call last):
        ValueError: version must be one of none, got '0001': no/bundle/models/versions holds no other.
    """
    known = versions(root)
    folder = Path(root) / "models" / _VERSIONS / version
    if version not in known:
        names = ", ".join(known) or "none"
        raise ValueError(f"version must be one of {names}, got {version!r}: {folder.parent} holds no other.")
    adopt(root)
    _switch(Path(root), folder)
    return folder


def _new_version(root: Path, write: Callable[[Path, int], object]) -> Path:
    number = max((int(name) for name in versions(root)), default=-1) + 1
    folder = root / "models" / _VERSIONS / f"{number:04d}"
    with folder_atomically(folder) as part:
        write(part, number)
    return folder


def _is_same(file: Path, kept: Path) -> bool:
    return file.resolve() == kept.resolve() or (kept.exists() and filecmp.cmp(file, kept, shallow=False))


def _copy(files: dict[str, Path], folder: Path) -> None:
    for name, file in files.items():
        shutil.copyfile(file, folder / name)


def _link(root: Path, names: Iterable[str]) -> None:
    """Let the files that consumers read be links through `models/current`."""
    for name in names:
        file, kept = root / PLACES[name] / name, root / "models" / _CURRENT / name
        if file.resolve() != kept.resolve():
            _point(file, os.path.relpath(kept, file.parent))


def _switch(root: Path, version: Path) -> None:
    """Put a version to use, by one rename."""
    _point(root / "models" / _CURRENT, f"{_VERSIONS}/{version.name}")


def _point(link: Path, target: str) -> None:
    write_atomically(link, lambda part: part.symlink_to(target))
