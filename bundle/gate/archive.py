"""Archive of a bundle, read into memory: nothing of it is written to the disk, and nothing that is odd is read."""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bundle.gate.finding import Finding
from bundle.gate.policy import Policy

_NAME = re.compile(r"(?!.*\.\.)(\.gitkeep|[A-Za-z0-9_][A-Za-z0-9._+-]*(?<!\.))")
"""A part of a path that is the same file on every system: no hidden file, device or look-alike."""
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HEADER = struct.Struct("<6xHH4xLLLHH")
"""Header at an entry: flags, kind of compression, checksum, packed and unpacked size, lengths of name and fields."""
_SIZES_LATER, _SIZES_IN_A_FIELD = 0x8, 0xFFFFFFFF
_FIELDS = {0x0001: "large sizes", 0x000A: "dates", 0x5455: "dates", 0x7875: "owner"}
"""Further fields of an entry that change nothing; others give it another name (0x7075) or other rights."""
_SIZES_AGAIN = 24
"""Bytes behind an entry that tell its sizes once more."""
_MB = 1_000_000
_AGAIN = "do not unpack it, ask its sender for another archive"


def read_archive(path: str | os.PathLike[str], policy: Policy) -> tuple[dict[str, bytes], list[Finding]]:
    """Return the files of an archive, as names below its one folder, and what is odd about it.

    Checked are names (escapes, links, absolute, hidden, twice), sizes, checksums, and that no bytes lie hidden.

    Args:
        path: zip file.
        policy: with the limits.

    Returns:
        Name -> content, and the findings; no files where there is a finding, as they cannot be trusted then.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.zip"
        >>> with zipfile.ZipFile(file, "w") as archive:
        ...     archive.writestr("lgm_vit/../../etc/passwd", "")
        >>> print(*read_archive(file, Policy.read())[1])  # doctest: +ELLIPSIS
        a.zip: lgm_vit/../../etc/passwd must be a plain name below one folder, got '..': do not unpack it, ...
    """
    name = Path(path).name
    try:
        with Path(path).open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            odd = [*_odd(entries, policy), *_hidden(file, entries, archive.start_dir)]
            odd += [("", "have no comment", archive.comment)] * bool(archive.comment)
            found = [Finding(name, *rest, _AGAIN) for rest in odd]
            if found:
                return {}, found
            return {_below(entry): archive.read(entry) for entry in entries if not entry.is_dir()}, []
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        return {}, [Finding(name, "", "be a whole zip archive", str(error), _AGAIN)]


def _below(entry: zipfile.ZipInfo) -> str:
    return entry.filename.partition("/")[2]


def _odd(entries: list[zipfile.ZipInfo], policy: Policy) -> Iterator[tuple[str, str, object]]:
    """Yield place, expectation and what was got instead, of names, kinds and sizes."""
    if not entries:
        yield "", "hold files", "none"
    for entry in entries:
        yield from ((entry.orig_filename, *rest) for rest in _odd_entry(entry, policy))
    yield from _odd_names([entry.orig_filename for entry in entries])
    if len(entries) > policy.limits["files"]:
        yield "", f"hold up to {policy.limits['files']} files", len(entries)
    if (size := sum(entry.file_size for entry in entries)) > policy.limits["unpacked_mb"] * _MB:
        yield "", f"hold up to {policy.limits['unpacked_mb']} MB", f"{size // _MB} MB"


def _odd_entry(entry: zipfile.ZipInfo, policy: Policy) -> Iterator[tuple[str, object]]:
    name = entry.orig_filename
    parts = name.removesuffix("/").split("/")
    if odd := [part for part in parts if not _NAME.fullmatch(part) or _DEVICE.fullmatch(part)]:
        yield "be a plain name below one folder", odd[0]
    elif len(parts) == 1 and not entry.is_dir():
        yield "be a plain name below one folder", name
    mode = entry.external_attr >> 16
    if mode and not (stat.S_ISDIR(mode) if entry.is_dir() else stat.S_ISREG(mode) or not stat.S_IFMT(mode)):
        yield "be a file or a folder", f"mode {mode:o}, a link or a device"
    if mode & (stat.S_ISUID | stat.S_ISGID):
        yield "have no rights of another user", f"mode {mode:o}"
    if entry.flag_bits & 0x1:
        yield "be readable", "an encrypted entry"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield "be stored or deflated", f"compression {entry.compress_type}"
    if entry.file_size > max(_MB, policy.limits["times_packed"] * entry.compress_size):
        yield "be no zip bomb", f"{entry.file_size} bytes packed into {entry.compress_size}"


def _odd_names(names: list[str]) -> Iterator[tuple[str, str, object]]:
    """Yield names that are there twice, on a system that tells no case, or are a file and a folder."""
    seen: set[str] = set()
    for name in names:
        key = name.casefold().removesuffix("/")
        if key in seen:
            yield name, "be there once", "another entry of this name"
        seen.add(key)
    files = {name.casefold() for name in names if not name.endswith("/")}
    for name in names:
        if inside := [str(folder) for folder in _parents(name.casefold()) if str(folder) in files]:
            yield name, "lie in a folder", f"the file {inside[0]}"
    if len(tops := {name.partition("/")[0] for name in names}) > 1:
        yield "", "hold one folder", sorted(tops)


def _parents(name: str) -> Iterable[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _hidden(file: BinaryIO, entries: list[zipfile.ZipInfo], end: int) -> Iterator[tuple[str, str, object]]:
    """Yield entries that overlap, lie apart or are told twice in two ways: another reader would see other files."""
    position, slack = 0, 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if not position <= entry.header_offset <= position + slack:
            yield entry.orig_filename, f"begin at byte {position}", entry.header_offset
        file.seek(entry.header_offset)
        header = file.read(_HEADER.size)
        told = _HEADER.unpack(header) if len(header) == _HEADER.size else (0,) * 7
        name, fields = file.read(told[5]), file.read(told[6])
        yield from ((entry.orig_filename, *rest) for rest in _told_twice(entry, told, fields))
        position, slack = entry.header_offset + _HEADER.size + len(name + fields) + entry.compress_size, _SIZES_AGAIN
    if not position <= end <= position + slack:
        yield "", f"end its files at byte {position}", end


def _told_twice(entry: zipfile.ZipInfo, told: tuple[int, ...], fields: bytes) -> Iterator[tuple[str, object]]:
    """Yield what the header at an entry says otherwise than the list at the end, and fields that change its name."""
    flags, compression, *sizes = told[:5]
    listed = [entry.CRC, entry.compress_size, entry.file_size]
    is_same = flags & _SIZES_LATER or all(a in (b, _SIZES_IN_A_FIELD) for a, b in zip(sizes, listed, strict=True))
    if (flags, compression) != (entry.flag_bits, entry.compress_type) or not is_same:
        yield "be told in one way", "another header at the entry"
    if odd := [number for number in (*_numbers(entry.extra), *_numbers(fields)) if number not in _FIELDS]:
        yield "have no fields but dates, owner and sizes", f"field {odd[0]:#06x}"
    if entry.comment:
        yield "have no comment", entry.comment


def _numbers(fields: bytes) -> Iterator[int]:
    while len(fields) >= 4:
        number, length = struct.unpack("<HH", fields[:4])
        yield number
        fields = fields[4 + length :]
