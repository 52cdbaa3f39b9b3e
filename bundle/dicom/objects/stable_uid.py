"""UIDs by hash."""

from __future__ import annotations

import json
import uuid

_ROOT = uuid.UUID("0b1c6a0e-6d0c-5a55-9d0e-3d5c3b6f1a27")
"""Namespace of this project."""


def stable_uid(*parts: str) -> str:
    """Return the UID of something that is named by its parts.

    Args:
        parts: names, from the general to the particular.

    Returns:
        A UID below 2.25; the same parts give the same one.

    Source: DICOM PS3.5 B.2, UUID derived UID; RFC 4122 version 5.

    Example:
        >>> stable_uid("device", "a") == stable_uid("device", "a"), stable_uid("a", "b") == stable_uid("ab")
        (True, False)
        >>> stable_uid("a").startswith("2.25."), len(stable_uid("a")) <= 64
        (True, True)
    """
    return f"2.25.{uuid.uuid5(_ROOT, json.dumps(parts)).int}"
