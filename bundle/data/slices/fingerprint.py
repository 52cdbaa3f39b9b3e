"""Names of the store: a fingerprint of the transform, a key of a case and the state of its files."""

from __future__ import annotations

import glob
import hashlib
import json
import re
import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bundle.data.slices.describe import describe
from bundle.files import content_hash, content_sample
from bundle.keys import CASE, FOLD, LABEL, ORGAN, PART, PATIENT, SITE

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


_NAMES = frozenset({CASE, PATIENT, SITE, PART, FOLD})
_READ_WHOLE = frozenset({LABEL, ORGAN})
_HEADERS = frozenset({".hdr", ".mhd"})
"""Suffixes of headers whose voxels lie in another file."""
READ_WHOLE_UP_TO = 16 * 2**20
"""Bytes up to which a mask or a CSV is read whole: a corrected one may keep size and time of the first version."""


def source_key(item: Mapping[str, Any]) -> str:
    """Return `<case>-<16 hexadecimal digits>`; the digits change with any file's place, size, time or content.

    Patient, site and part of the split do not count, because the store does not keep them. Whatever else an item holds
    counts: files by resolved path, size, modification time and content, folders by the files in them, other values as
    they are. The content is that of the whole file for masks and CSVs up to `READ_WHOLE_UP_TO` bytes, else a sample
    (`content_sample`), which a small change in a large file that is not packed may escape.

    Args:
        item: case dictionary with a `case`.

    Example:
        >>> source_key({"case": "a b/c", "image": "not/there.nii"}).startswith("a_b_c-")
        True
    """
    states = {
        key: _state(value, whole=key in _READ_WHOLE)
        for key, value in item.items()
        if key not in _NAMES and value is not None
    }
    content = json.dumps([str(item[CASE]), states], sort_keys=True, separators=(",", ":"))
    readable = re.sub(r"[^\w.+-]", "_", str(item[CASE])).lstrip(".")[:80]
    return f"{readable}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def _state(value: Any, *, whole: bool) -> Any:
    if isinstance(value, list | tuple):
        return [_state(entry, whole=whole) for entry in value]
    return _file_state(Path(value), whole=whole) if isinstance(value, str | Path) else repr(value)


def _file_state(path: Path, *, whole: bool) -> Any:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path)  # no file: a plain value, or a missing file that ingestion will report
    if stat.S_ISDIR(status.st_mode):
        return [_file_state(file, whole=whole) for file in sorted(path.rglob("*")) if file.is_file()]
    state = [_resolved(path), status.st_size, status.st_mtime_ns, _content(path, status.st_size, whole=whole)]
    return [state, *(_file_state(file, whole=whole) for file in _voxels_of(path))] if _is_header(path) else state


def _is_header(path: Path) -> bool:
    return path.suffix.lower() in _HEADERS


def _voxels_of(header: Path) -> list[Path]:
    """Return the files beside a header that may hold its voxels, of the same stem."""
    beside = header.parent.glob(f"{glob.escape(header.stem)}.*")
    return sorted(file for file in beside if not _is_header(file))


def _content(path: Path, size: int, *, whole: bool) -> str:
    """Return what tells the content; the checksum that gzip notes is as good as the whole."""
    try:
        sample = content_sample(path)
        return content_hash(path) if whole and "-" not in sample and size <= READ_WHOLE_UP_TO else sample
    except OSError:
        return ""  # ingestion will report it


def _resolved(path: Path) -> str:
    """Resolve a folder once for all its files: a store of 10,000 cases opens twice as fast."""
    if path.is_symlink():
        return str(path.resolve())
    return f"{_resolved_folder(path.parent if path.is_absolute() else path.absolute().parent)}/{path.name}"


@lru_cache(maxsize=4096)
def _resolved_folder(folder: Path) -> Path:
    return folder.resolve()
