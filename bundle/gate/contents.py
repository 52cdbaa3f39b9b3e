"""Files of a bundle: their sums, their kinds, and the code among them."""

from __future__ import annotations

import ast
import configparser
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from bundle.gate.finding import Finding
from bundle.gate.policy import Policy

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_CODE = ("bundle/", "scripts/")
_STREAMS = ("(sys.stdout,)", "(sys.stderr,)", "()")
_HANDLER = "StreamHandler"
_AGAIN = "do not use it, ask its sender for another archive"


def sums(data: bytes) -> dict[str, str]:
    """Return file -> sha256 of a list that `sha256sum` writes.

    Args:
        data: content of the list.

    Raises:
        ValueError: a line has another form, or a file stands there twice.

    Example:
        >>> sums(b"0" * 64 + b"  a.txt")
        {'a.txt': '0000000000000000000000000000000000000000000000000000000000000000'}
    """
    lines = [_LINE.fullmatch(line) for line in data.decode().splitlines()]
    listed = {line[2]: line[1] for line in lines if line}
    if len(listed) < len(lines):
        raise ValueError(f"{SUMS} must hold lines `<sha256>  <file>`, each file once, got other lines: write it again.")
    return listed


def sum_findings(files: Mapping[str, bytes]) -> Iterator[Finding]:
    """Yield the files that differ from the list in the archive, are not in it, or are missing.

    Example:
        >>> listed = f"{hashlib.sha256(b'a').hexdigest()}  a".encode()
        >>> [finding.got for finding in sum_findings({"a": b"b", "c": b"", SUMS: listed})]  # doctest: +ELLIPSIS
        ['3e23e8160039...', 'a file that is not listed']
    """
    if SUMS not in files:
        yield Finding(SUMS, "", "list the sha256 of every file", "no file", "pack the bundle by scripts/pack_bundle.py")
        return
    try:
        listed = sums(files[SUMS])
    except ValueError as error:
        yield Finding(SUMS, "", "list the sha256 of every file", str(error), _AGAIN)
        return
    yield from _differences(files.keys() - {SUMS}, files, listed, f"be as {SUMS} lists it", _AGAIN)


def code_findings(files: Mapping[str, bytes], known: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is not the known code: files of `bundle/` and `scripts/`, and Python files elsewhere.

    Args:
        files: name -> content.
        known: name of a file of code -> its sha256.

    Example:
        >>> [finding.file for finding in code_findings({"bundle/a.py": b"", "configs/b.py": b""}, {})]
        ['bundle/a.py', 'configs/b.py']
    """
    code = {name for name in files if name.startswith(_CODE) or name.lower().endswith((".py", ".pyi", ".pyw"))}
    listed = {name: sha for name, sha in known.items() if name.startswith(_CODE)}
    remedy = "use the gate of the bundle's own version, or review the code and give its SHA256SUMS by --code"
    yield from _differences(code, files, listed, "be known code", remedy)


def kind_findings(files: Mapping[str, bytes], policy: Policy) -> Iterator[Finding]:
    """Yield files of a kind that the policy does not list: Python, a shell, a linker or a browser may run them.

    Files of `bundle/` and `scripts/` are left to `code_findings`.

    Example:
        >>> [finding.file for finding in kind_findings({"a.pth": b"", "LICENSE": b"", "b.md": b""}, Policy.read())]
        ['a.pth']
    """
    for name in files:
        path = PurePosixPath(name)
        if not name.startswith(_CODE) and not {path.name, path.suffix} & {*policy.files}:
            remedy = "remove it, or add its ending to `files` of the policy"
            yield Finding(name, "", "be a kind of file of the policy", path.suffix or path.name, remedy)


def logging_findings(files: Mapping[str, bytes]) -> Iterator[Finding]:
    r"""Yield what a logging.conf would run: Python evaluates classes and arguments in it.

    Example:
        >>> [finding.place for finding in logging_findings({"a.conf": b"[handler_x]\nargs=(exit(),)"})]
        ['handler_x#args']
    """
    for name in (name for name in files if name.lower().endswith((".conf", ".ini", ".cfg"))):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(files[name].decode())
        except (configparser.Error, UnicodeDecodeError) as error:
            yield Finding(name, "", "be a logging configuration", " ".join(str(error).split()), "correct it")
            continue
        for section in ["DEFAULT", *parser.sections()]:
            yield from (_logging(name, section, *option) for option in parser.items(section) if not _is_plain(*option))


def rooms(files: Mapping[str, bytes]) -> dict[str, frozenset[str]]:
    """Return room of the packed code -> names in its `__all__`; no code is run.

    Example:
        >>> rooms({"bundle/losses/__init__.py": b"__all__ = ['DistributionKL']"})
        {'bundle.losses': frozenset({'DistributionKL'})}
    """
    doors = {name: files[name] for name in files if re.fullmatch(r"bundle/\w+/__init__\.py", name)}
    return {".".join(name.split("/")[:2]): frozenset(_public(text)) for name, text in doors.items()}


def _differences(
    names: set[str], files: Mapping[str, bytes], listed: Mapping[str, str], expected: str, remedy: str
) -> Iterator[Finding]:
    for name in sorted(names | listed.keys()):
        if name not in files:
            yield Finding(name, "", expected, "no file", remedy)
        elif name not in listed:
            yield Finding(name, "", expected, "a file that is not listed", remedy)
        elif (sha := hashlib.sha256(files[name]).hexdigest()) != listed[name]:
            yield Finding(name, "", f"{expected}, {listed[name][:12]}...", f"{sha[:12]}...", remedy)


def _logging(name: str, section: str, option: str, value: str) -> Finding:
    expected = f"be {_HANDLER} and {' or '.join(_STREAMS)} alone, as Python evaluates it"
    return Finding(name, f"{section}#{option}", expected, value, "write the log to the screen")


def _is_plain(option: str, value: str) -> bool:
    allowed = {"class": (_HANDLER, "logging." + _HANDLER), "args": _STREAMS, "kwargs": ("{}",)}
    return option not in allowed or value.strip() in allowed[option]


def _public(text: bytes) -> list[str]:
    try:
        assigned = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
        named = [node.value for node in assigned if [ast.unparse(target) for target in node.targets] == ["__all__"]]
        return [str(name) for name in ast.literal_eval(named[-1])] if named else []
    except (SyntaxError, ValueError):
        return []
