"""JSON files: read whole, written by rename."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bundle.files.atomic_file import write_atomically


def read_json(path: str | os.PathLike[str], absent: Any = None) -> Any:
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
        ValueError: .../run.json must be JSON, got Expecting value: line 1 column 10 (char 9): restore or remove it.
    """
    if absent is not None and not Path(path).exists():
        return absent
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8
        raise ValueError(f"{path} must be JSON, got {error}: restore or remove it.") from error


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> Path:
    """Write strict JSON: a score without a value (NaN, infinity) is null, named tuples are objects.

    The counts that tell why a score is null stand beside it, because the scores come with them.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read_json(write_json(Path(folder) / "m.json", {"auroc": float("nan"), "n": 3}))
        {'auroc': None, 'n': 3}
    """
    text = json.dumps(as_json_values(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def as_json_values(value: Any) -> Any:
    """Return the value in JSON's kinds: strings, numbers, booleans, null, lists and objects; paths become strings.

    Example:
        >>> as_json_values({"scores": np.array([0.5, np.inf]), 3: (Path("a"),)})
        {'scores': [0.5, None], '3': ['a']}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): as_json_values(part) for key, part in value.items()}
    if hasattr(value, "_asdict"):  # a named tuple
        return as_json_values(value._asdict())
    if isinstance(value, list | tuple):
        return [as_json_values(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, os.PathLike) else value
