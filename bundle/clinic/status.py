"""``status.json``: whether a study was read, from what, by what, when, and with which warnings."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import bundle
from bundle.dicom import Reading
from bundle.files import write_json
from bundle.workflow.provenance import git_revision, now

_PACKAGES = ("torch", "monai", "pydicom", "highdicom", "numpy", "nibabel", "SimpleITK", "scikit-image")


@dataclass
class Status:
    """Record of one study while it is read.

    Args:
        case: its name.

    Example:
        >>> status = Status("case_1")
        >>> with status.timed("infer"):
        ...     pass
        >>> list(status.seconds)
        ['infer']
    """

    case: str
    started: str = field(default_factory=now)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds of a step."""
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 3)

    def finish(
        self,
        folder: Path,
        outcome: str,
        reading: Reading | None = None,
        inputs: Mapping[str, str] | None = None,
        error: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the record, with the hashes of all files that lie in the folder.

        Args:
            folder: of the results, complete but for this file.
            outcome: ``"read"``, ``"no match"`` or ``"failed"``.
            reading: what was found; None where nothing was read.
            inputs: series -> SHA-256 over its files in the order of the slices.
            error: why it was not read.
            settings: of the bundle, see `answer_settings`.
        """
        content: dict[str, Any] = {
            "case": self.case,
            "outcome": outcome,
            "error": error,
            "inputs_sha256": dict(inputs or {}),
            "model": None if reading is None else vars(reading.model),
            "settings": settings,
            "thresholds": None if reading is None else _thresholds(reading),
            "warnings": [] if reading is None else list(reading.warnings),
            "versions": _versions(),
            "code": _code(),
            "started": self.started,
            "ended": now(),
            "seconds": self.seconds,
            "files_sha256": {
                path.relative_to(folder).as_posix(): _sha256(path)
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            },
        }
        write_json(folder / "status.json", content)


def _thresholds(reading: Reading) -> dict[str, Any]:
    """Return from which probability on each class is in a slice and in the scan, and who chose that."""
    of_classes = zip(reading.classes, reading.threshold, reading.volume_threshold, strict=True)
    found = {name: {"slice": of_slice, "scan": of_scan} for name, of_slice, of_scan in of_classes}
    return {"of": found, "source": reading.threshold_source}


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _code() -> dict[str, str | None]:
    """Return what tells this code from another: a hash over its files, and the revision of its working tree."""
    package, digest = Path(bundle.__file__).parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes())
    return {"sha256": digest.hexdigest(), "git_revision": git_revision(package)}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
