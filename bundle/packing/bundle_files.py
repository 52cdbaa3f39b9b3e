"""The files of the repository that belong to the bundle."""

from __future__ import annotations

from pathlib import Path

FOLDERS = ("bundle", "configs", "docs", "scripts")
LICENSE = "LICENSE"


def bundle_files(root: Path) -> dict[str, bytes]:
    """Return name below `root` -> content, without caches and hidden files.

    Args:
        root: folder of the repository, or of an unpacked bundle.

    Raises:
        ValueError: a part is missing.

    Example:
        >>> files = bundle_files(Path(__file__).parents[2])
        >>> "configs/train.json" in files, any("__pycache__" in name for name in files)
        (True, False)
    """
    missing = [name for name in (*FOLDERS, LICENSE) if not (root / name).exists()]
    if missing:
        raise ValueError(f"{root} expected to hold {', '.join((*FOLDERS, LICENSE))}, got no {', '.join(missing)}.")
    found = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()]
    names = [path.relative_to(root) for path in [*found, root / LICENSE]]
    return {name.as_posix(): (root / name).read_bytes() for name in names if not is_left_out(name)}


def is_left_out(name: Path) -> bool:
    """Return whether a file is hidden or a cache, or lies in a folder that is."""
    return any(part.startswith(".") or part == "__pycache__" for part in name.parts)
