"""Two paths change places in one step."""

from __future__ import annotations

import ctypes
import os
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
