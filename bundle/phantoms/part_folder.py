"""A place for what is not finished yet."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def part_folder(root: Path, name: str) -> Path:
    """Make an empty hidden folder beside the final one, and remove those that killed processes left.

    Args:
        root: folder in which `name` will appear by a rename.
        name: of the finished folder.

    Returns:
        `<root>/.<name>.<process id>.part`.

    Example:
        >>> import tempfile
        >>> part_folder(Path(tempfile.mkdtemp()), "case").suffix
        '.part'
    """
    own = root / f".{name}.{os.getpid()}.part"
    for left in root.glob(f".{name}.*.part"):
        if left == own or not _is_alive(process_id=left.suffixes[-2].lstrip(".")):
            shutil.rmtree(left, ignore_errors=True)
    own.mkdir()
    return own


def _is_alive(*, process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
