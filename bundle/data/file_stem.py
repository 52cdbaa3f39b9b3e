"""A file's name without folder and without its (double) suffix."""

from __future__ import annotations

from pathlib import Path

_DOUBLE = (".nii.gz", ".seg.nrrd")


def file_stem(path: str | Path) -> str:
    """Return the name of a volume file without `.nii`, `.nii.gz` or whatever its suffix is.

    Only the last suffix is cut, besides the known double ones, because ids may hold dots.

    Example:
        >>> file_stem("scans/volume-15.nii"), file_stem("W39_1998.09.19.nii.gz")
        ('volume-15', 'W39_1998.09.19')
    """
    name = Path(path).name
    for suffix in _DOUBLE:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem
