"""JSON files that every reader can read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bundle.writers.atomic_file import write_atomically


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> Path:
    """Write strict JSON: a score without a value (NaN, infinity) is null, named tuples are objects.

    The counts that tell why a score is null stand beside it, because the scores come with them.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     json.loads(write_json(Path(folder) / "m.json", {"auroc": float("nan"), "n": 3}).read_text())
        {'auroc': None, 'n': 3}
    """
    text = json.dumps(plain(content), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    return write_atomically(path, lambda part: void(part.write_text(text, encoding="utf-8")))


def plain(value: Any) -> Any:
    """Return the value as JSON knows it: strings, numbers, booleans, null, lists and objects."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if hasattr(value, "_asdict"):  # a named tuple
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, os.PathLike) else value


def void(_: Any) -> None:
    """Drop a return value."""
