"""Weights of a bundle: files of tensors that no loader runs code of."""

from __future__ import annotations

import io
import pickletools
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bundle.gate.finding import Finding
from bundle.gate.policy import Policy
from bundle.networks import read_weights

_ENTRY = re.compile(r"data\.pkl|data/\d+|version|byteorder|\.(format_version|storage_alignment|data/serialization_id)")
_HIDDEN = ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX", "NEXT_BUFFER", "READONLY_BUFFER")
"""Opcodes by which a pickle names what it makes out of sight; torch.save writes none of them."""
_REMEDY = "save the state dict alone, torch.save(network.state_dict(), FILE)"


def weight_findings(name: str, data: bytes, policy: Policy) -> Iterator[Finding]:
    """Yield what speaks against a file of weights. Its pickle is read opcode by opcode before torch opens it.

    Args:
        name: in the archive.
        data: content.
        policy: with the classes and functions that the pickle may name.

    Example:
        >>> import pickle
        >>> print(*weight_findings("models/model.pt", pickle.dumps(print), Policy.read()))  # doctest: +ELLIPSIS
        models/model.pt must be a file by torch.save, got 'File is not a zip file': save the state dict alone, ...
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = [Finding(name, *rest, _REMEDY) for rest in _odd(archive, policy)]
    except (zipfile.BadZipFile, EOFError, zlib.error, ValueError, NotImplementedError, RuntimeError) as error:
        found = [Finding(name, "", "be a file by torch.save", str(error), _REMEDY)]
    yield from found or _unloadable(name, data)


def _odd(archive: zipfile.ZipFile, policy: Policy) -> Iterator[tuple[str, str, object]]:
    """Yield place, expectation and what was got instead."""
    names = [entry.orig_filename for entry in archive.infolist()]
    pickles = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1 or len(set(names)) < len(names):
        yield "", "hold one data.pkl, and each entry once", pickles
        return
    folder = pickles[0].removesuffix("data.pkl")
    for entry in archive.infolist():
        if not _ENTRY.fullmatch(entry.orig_filename.removeprefix(folder)):
            yield entry.orig_filename, "be a part of a state dict", "another entry, as of a program"
        if entry.file_size > entry.compress_size:
            yield entry.orig_filename, "be stored as it is", "a compressed entry"
            return
    yield from _named(archive.read(pickles[0]), policy)


def _named(pickle: bytes, policy: Policy) -> Iterator[tuple[str, str, object]]:
    for opcode, argument, _ in pickletools.genops(pickle):
        if opcode.name in _HIDDEN:
            yield "data.pkl", "name what it makes openly", opcode.name
        elif opcode.name == "GLOBAL" and (made := str(argument).replace(" ", ".")) not in policy.weights:
            yield "data.pkl", "name what the policy lists", made


def _unloadable(name: str, data: bytes) -> Iterator[Finding]:
    """Yield why torch cannot read a file with `weights_only`, or what is no finite state dict in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PurePosixPath(name).name
        path.write_bytes(data)
        try:
            read_weights(path)
        except ValueError as error:
            told = str(error).replace(str(path), name).partition(", got ")[2].partition(":")[0]
            yield Finding(name, "", "be a state dict that loads with weights_only", told, _REMEDY)
