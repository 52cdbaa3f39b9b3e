"""A JSON file that must be whole. Imports no room, so that all may use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: str | Path, absent: Any = None) -> Any:
    """Return the content of a JSON file.

    Args:
        path: to read.
        absent: returned where there is no such file, unless None.

    Raises:
        FileNotFoundError: there is no file, and nothing to return instead.
        ValueError: the file is damaged, or is no JSON.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "run.json"
        >>> _ = path.write_text('{"seed": ')
        >>> read_json(path)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: .../run.json expected JSON, got Expecting value: line 1 column 10 (char 9): restore or remove it.
    """
    if absent is not None and not Path(path).exists():
        return absent
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8
        raise ValueError(f"{path} expected JSON, got {error}: restore or remove it.") from error
