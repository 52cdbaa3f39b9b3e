"""Names of files and folders that this system can read as text; others are refused in words that can be printed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def is_decodable(text: str) -> bool:
    r"""Tell whether a name is text, and not bytes that Python keeps as signs of their own.

    Example:
        >>> is_decodable("Müller"), is_decodable("M\udcfcller")
        (True, False)
    """
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def readable(text: str) -> str:
    r"""Return the name with bytes that are no text as ``\xfc``.

    Example:
        >>> print(readable("M\udcfcller"))
        M\xfcller
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def require_readable_name(path: Path) -> None:
    """Refuse a file or folder whose name is not UTF-8: records and results could not name it.

    Raises:
        ValueError: names it readably, with the name that it has if it is Latin-1.
    """
    text = str(path)
    if is_decodable(text):
        return
    latin = os.fsencode(path.name).decode("latin-1") if not is_decodable(path.name) else path.name
    raise ValueError(
        f"{readable(text)} must have a name in UTF-8, got bytes of another encoding (as Latin-1: {latin!r}): rename "
        "files and folders, e.g. with `convmv -r -f latin1 -t utf8 --notest FOLDER`."
    )


def walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk a folder as `os.walk` does, and stop at a folder that cannot be read: a case could be in it.

    Raises:
        PermissionError: names the folder. What the file system keeps for itself (``lost+found``) is passed over.
    """
    for folder, folders, files in os.walk(root, onerror=_refuse):
        folders[:] = [name for name in folders if name != "lost+found"]
        yield folder, folders, files


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return  # nothing is there to be left out
    raise type(error)(
        f"{readable(str(error.filename))} must be a folder that this user may read, got {error.strerror or error}: a "
        "case in it would be left out; allow it (chmod u+rx), or move it out of the data set."
    ) from error
