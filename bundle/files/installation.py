"""Folder that holds configs/, docs/ and scripts/: a checkout, an unpacked bundle, or an installed wheel."""

from __future__ import annotations

from pathlib import Path

INSTALLED = "lgm_vit"
"""Folder beside the package `bundle` into which a wheel puts everything else; pyproject.toml names it too."""


def bundle_root() -> Path:
    """Return the folder of configs/, docs/, scripts/ and LICENSE that belong to this code.

    Example:
        >>> (bundle_root() / "configs/train.json").is_file()
        True
    """
    beside = Path(__file__).parents[2]
    installed = beside / INSTALLED
    return installed if (installed / "configs/train.json").is_file() else beside
