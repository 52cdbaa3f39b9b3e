"""Nothing in an archive may tell where it was made, or need that place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

QUOTED = re.compile(r"""(\+\s*)?(?:['"])((?:/[\w.-]|[A-Za-z]:[\\/])[^'"]*)""")
"""An absolute path inside an expression, and a plus before it: `@dataset_dir + '/list.json'` is no place by itself."""


def require_no_machine_paths(config: Mapping[str, Any], source: str) -> None:
    """Refuse a config that names a place of the machine it was made on.

    Args:
        config: to be packed.
        source: file that the reader can change.

    Raises:
        ValueError: lists every id with an absolute path.

    Example:
        >>> require_no_machine_paths({"finder": {"path": "$@dataset_dir + '/list.json'"}}, "config.json")
        >>> require_no_machine_paths({"root": "/data/brats"}, "config.json")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: config.json expected no paths of this machine, got root '/data/brats': ...
    """
    found = [f"{id_} {text!r}" for id_, text in texts(config) if names_place(text)]
    if found:
        raise ValueError(
            f"{source} expected no paths of this machine, got {', '.join(found)}: write them relative to @dataset_dir "
            "there, as configs/datasets does, and pack again."
        )


def names_place(text: str) -> bool:
    """Return whether a text is an absolute path, here or elsewhere, or an expression that holds one."""
    if text.startswith("$"):
        return any(not plus for plus, _ in QUOTED.findall(text))
    return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or "://" in text


def texts(content: Any, id_: str = "") -> Iterator[tuple[str, str]]:
    """Yield id and text of every text in a config."""
    if isinstance(content, str):
        yield id_, content
    elif isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from texts(value, f"{id_}#{key}" if id_ else str(key))
