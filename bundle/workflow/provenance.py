"""Facts that tell where the weights and scores of a run come from: revisions, lengths, hashes, times."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bundle.workflow.compare import Change


def earlier_revisions(earlier: Mapping[str, Any]) -> list[str | None]:
    """Return the revisions that a continued run was trained at before, in their order.

    Args:
        earlier: record of the run so far, empty for a fresh one.
    """
    return list(dict.fromkeys([*earlier.get("earlier_revisions", []), earlier.get("git_revision")])) if earlier else []


def extensions(earlier: Mapping[str, Any], config: Mapping[str, Any], epoch: int, at: str) -> list[dict[str, Any]]:
    """Return the times that a complete run went on for more epochs.

    Args:
        earlier: record of the run so far, empty for a fresh one.
        config: merged, of now.
        epoch: that the run goes on after.
        at: time.

    Returns:
        For each the time, the epoch after which it went on, and `max_epochs` before and since.

    Example:
        >>> extensions({"settings": {"max_epochs": 2}}, {"max_epochs": 5}, epoch=2, at="noon")
        [{'at': 'noon', 'after_epoch': 2, 'max_epochs': [2, 5]}]
    """
    before, then, now_asked = earlier.get("extended", []), _length(earlier.get("settings", {})), _length(config)
    if then is None or now_asked is None or then == now_asked:
        return list(before)
    return [*before, {"at": at, "after_epoch": epoch, "max_epochs": [then, now_asked]}]


def _length(settings: Mapping[str, Any]) -> int | None:
    length = settings.get("max_epochs")
    return length if isinstance(length, int) else None


def file_and_hash(file: Any) -> dict[str, str] | None:
    """Return path and SHA-256 of a file, None where none is given."""
    if not isinstance(file, str) or not Path(file).is_file():
        return None
    return {"file": str(Path(file).absolute()), "sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


def changed_file(name: str, recorded: Mapping[str, Any], config: Mapping[str, Any]) -> list[Change]:
    """Return the change of a file of weights whose content the record knows, by its hash; nothing where it is the same.

    A file that is asked for and is gone is no change: what reads it says so, and a run that needs it no more can go on.

    Args:
        name: knob of the file.
        recorded: `run.json`.
        config: what is asked for.
    """
    if isinstance(config.get(name), str) and not Path(config[name]).is_file():
        return []
    then, now = (found and found["sha256"] for found in (recorded.get(name), file_and_hash(config.get(name))))
    return [] if then == now else [Change(f"{name} (SHA-256)", then, now)]


def require_own_scores(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Refuse scores, and with them thresholds, that were found with other weights.

    Args:
        folder: of a run.
        metrics: its `metrics.json`; what names no hash is not compared.

    Raises:
        ValueError: the hash is that of another file, or there is no such file.

    Example:
        >>> require_own_scores(Path("no/run"), {"weights_sha256": "0"})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: no/run/metrics.json must hold scores of model.pt, got those of other weights than no/run/model.pt...
    """
    scored = {folder / "model.pt": metrics.get("weights_sha256")}
    scored |= {Path(member["file"]): member["sha256"] for member in metrics.get("ensemble", ())}
    for path, sha in scored.items():
        if sha and not (path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha):
            raise ValueError(
                f"{folder}/metrics.json must hold scores of {path.name}, got those of other weights than {path}: "
                "evaluate the run again."
            )


def git_revision(folder: Path) -> str | None:
    """Return the revision of the working tree, with '+' if it has changes, or None outside a repository."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
