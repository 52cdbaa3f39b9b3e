"""One zip file, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import os
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

SUMS = "SHA256SUMS"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that zip knows
UNIX, MODE = 3, 0o100644  # a regular file that everyone may read


def write_archive(path: str | os.PathLike[str], folder: str, files: Mapping[str, bytes]) -> Path:
    """Write files and their sha256 list below one folder of a zip, by rename: whole or not at all.

    Names are sorted, dates and modes fixed. Weights are stored, the rest is compressed.

    Args:
        path: the archive.
        folder: its only top-level folder.
        files: relative name -> content. `sha256sum -c SHA256SUMS` in the unpacked folder checks them.

    Raises:
        ValueError: a name would leave the folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     zipfile.ZipFile(write_archive(Path(place) / "a.zip", "lgm_vit", {"b/c.txt": b"c"})).namelist()
        ['lgm_vit/SHA256SUMS', 'lgm_vit/b/c.txt']
    """
    path = Path(path)
    for name in files:
        if name.startswith("/") or "\\" in name or {"", ".", ".."} & set(name.split("/")):
            raise ValueError(f"{path} expected relative names of files, got {name!r}.")
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex[:8]}.part-{path.name}")
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, content in sorted({**files, SUMS: sums.encode()}.items()):
                archive.writestr(entry(f"{folder}/{name}"), content, compresslevel=6)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def entry(name: str) -> zipfile.ZipInfo:
    """Return what the archive says of a file besides its content."""
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = UNIX, MODE << 16
    info.compress_type = zipfile.ZIP_STORED if name.endswith(".pt") else zipfile.ZIP_DEFLATED
    return info
