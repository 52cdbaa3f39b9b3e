"""One short name for a transform and everything it holds."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bundle.data.describe import describe

STORE_FORMAT = 1
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
