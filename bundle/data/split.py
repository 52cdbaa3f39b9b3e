"""Which case trains, which validates and which tests."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.keys import CASE

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Split:
    """Three lists of items that share no patient.

    Args:
        train: items to train on.
        val: items that choose the checkpoint and the threshold.
        test: items that are looked at once.

    Example:
        >>> split = Split([{"case": "a"}], [{"case": "b"}], [{"case": "c"}])
        >>> split.case_ids
        {'train': ['a'], 'val': ['b'], 'test': ['c']}
        >>> split.hash[:8]
        'a8d50e66'
    """

    train: Items
    val: Items
    test: Items

    @property
    def case_ids(self) -> dict[str, list[str]]:
        """Sorted case ids of each part."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: sorted(item[CASE] for item in items) for name, items in parts.items()}

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON of `case_ids`: equal for equal splits, wherever the files lie."""
        canonical = json.dumps(self.case_ids, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def write(self, path: str | Path) -> None:
        """Write ``{"train": [ids], "val": [ids], "test": [ids]}`` by one rename, so that the file is never half there.

        Args:
            path: file to write; its folder is made if need be.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        # The process id keeps two runs from writing into one temporary file.
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        partial.write_text(json.dumps(self.case_ids, indent=2) + "\n", encoding="utf-8")
        partial.replace(target)
