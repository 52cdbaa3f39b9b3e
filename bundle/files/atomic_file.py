"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Let `write` make the file beside `path`, then rename it: a kill leaves the old file or the new one.

    Args:
        path: the file; missing parent folders are made.
        write: makes the file it is given; that name ends like `path`, because some libraries look at the ending.

    Returns:
        `path`.

    Raises:
        OSError: of the file system; where the disk is full it names the folder.

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
        with naming_full_folder(path.parent):
            write(part)
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


@contextmanager
def naming_full_folder(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk into one that says where, and what to do; others pass.

    Args:
        folder: that is written.

    Raises:
        OSError: with the folder.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save hides the one in the other
        full = next((cause for cause in _causes(error) if is_no_space(cause)), None)
        if full is None:
            raise
        raise OSError(
            errno.ENOSPC, f"{folder} must have space left, got no space left on its disk: free some, or write elsewhere"
        ) from error


def is_no_space(error: BaseException) -> bool:
    """Return whether an error says that a disk, or the share of it that one may use, is full.

    Example:
        >>> is_no_space(OSError(errno.ENOSPC, "full")), is_no_space(OSError(errno.EACCES, "denied"))
        (True, False)
    """
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
