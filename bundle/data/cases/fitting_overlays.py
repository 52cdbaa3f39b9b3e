"""Overlays of data sets that find cases in a folder, tried where the chosen finder finds none."""

from __future__ import annotations

import warnings
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from bundle.files import bundle_root

OVERLAYS = bundle_root() / "configs/datasets"
_TRYING: ContextVar[bool] = ContextVar("_TRYING", default=False)


def no_cases(root: Path, message: str, kind: type[Exception] = FileNotFoundError) -> Exception:
    """Return the error that a finder finds nothing it can use, with the overlays that would.

    Args:
        root: folder of the data set.
        message: ``<file> must be <what>, got <what>: <remedy>``, without a full stop.
        kind: of the error.

    Example:
        >>> no_cases(Path("not/there"), "a must be a folder, got none: make it")
        FileNotFoundError('a must be a folder, got none: make it.')
    """
    fitting = [] if _TRYING.get() else fitting_overlays(root)
    tried = "; ".join(f"configs/datasets/{name}.yaml finds {count} cases there" for name, count in fitting[:3])
    return kind(f"{message}{f'. Tried: {tried}' if tried else ''}.")


def fitting_overlays(root: Path) -> list[tuple[str, int]]:
    """Return the overlays of configs/datasets that find whole cases below a folder, those with most cases first.

    Args:
        root: folder of the data set.

    Example:
        >>> fitting_overlays(Path("not/there"))
        []
    """
    if not root.is_dir():
        return []
    token = _TRYING.set(True)
    try:
        counts = {path.stem: _count(overlay=path, root=root) for path in sorted(OVERLAYS.glob("*.yaml"))}
    finally:
        _TRYING.reset(token)
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda pair: -pair[1])


def _count(*, overlay: Path, root: Path) -> int:
    """Count the cases of which all images exist; a finder that does not fit finds none."""
    parser = ConfigParser({"in_channels": 1, **ConfigParser.load_config_file(str(overlay)), "dataset_dir": str(root)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            cases: list[Any] = parser.get_parsed_content("finder").find()
        except Exception:  # whatever the folder is not made for
            return 0
    return sum(all(Path(file).exists() for file in case.images) for case in cases)
