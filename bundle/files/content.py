"""Content of files, told cheaply: a few stretches, a checksum that is there anyway, or all of it."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

_STRETCH = 512
_STRETCHES = 16
_GOLDEN = 0.6180339887498949
"""Steps of this share of the length never meet the edge of every slice, where scans are all alike."""


def content_sample(file: Path) -> str:
    """Return hexadecimal digits that differ, as a rule, where the contents of two files of one size do.

    Of a file packed by gzip the checksum and length of its content, which stand at its end; of another one
    sixteen stretches of 512 bytes.

    Args:
        file: to read.

    Raises:
        OSError: if it cannot be read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.gz"
        >>> _ = file.write_bytes(gzip.compress(b"abc"))
        >>> content_sample(file) == f"{zlib.crc32(b'abc'):08x}-3"
        True
    """
    with file.open("rb", buffering=0) as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        size = stream.seek(0, os.SEEK_END)
        if packed and size >= 18:
            stream.seek(size - 8)
            tail = stream.read(8)
            return f"{int.from_bytes(tail[:4], 'little'):08x}-{int.from_bytes(tail[4:], 'little')}"
        digest = hashlib.blake2b(digest_size=8)
        for index in range(_STRETCHES):
            stream.seek(int(max(size - _STRETCH, 0) * (index * _GOLDEN % 1)))
            digest.update(stream.read(_STRETCH))
    return digest.hexdigest()


def content_checksum(file: Path) -> str:
    """Return checksum and length of the content of an unpacked file, as `content_sample` gives those of a packed one.

    Args:
        file: to read, all of it.

    Raises:
        OSError: if it cannot be read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a"
        >>> _ = file.write_bytes(b"abc")
        >>> content_checksum(file)
        '352441c2-3'
    """
    checksum, size = 0, 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
    return f"{checksum:08x}-{size % 2**32}"


def content_hash(file: Path) -> str:
    """Return 16 hexadecimal digits of the whole content; a file packed by gzip is unpacked.

    Args:
        file: to read.

    Raises:
        OSError: if it cannot be read, or is damaged.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a").write_bytes(b"abc"), (folder / "a.gz").write_bytes(gzip.compress(b"abc"))
        (3, 23)
        >>> content_hash(folder / "a") == content_hash(folder / "a.gz")
        True
    """
    digest = hashlib.blake2b(digest_size=8)
    with file.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        source = gzip.GzipFile(fileobj=stream) if packed else stream
        try:
            while block := source.read(1 << 20):
                digest.update(block)
        except (EOFError, zlib.error) as error:
            raise OSError(f"{file} must be a whole file, got {error}: copy it again.") from error
    return digest.hexdigest()
