"""One scan under two names: cases whose images have the same content."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from bundle.files import content_checksum, content_hash, content_sample
from bundle.keys import CASE, IMAGE, PATIENT
from bundle.volumes import Problem, raise_for_problems

_LOOKED_AT = 3
_NOTHING = (0, "")
_CROWD = 50
"""Files that more cases share are no scans (a template, an atlas): pairs of all of them would be told."""


def same_scan_problems(items: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Find cases that share more than half of their images: errors across patients, warnings within one patient.

    A smaller share is a warning where just two cases, of two patients, have the file: it was copied to the wrong place.
    A file that more cases have may be a template.

    Files are told apart by size and a sample, and only those that agree are read. A file with one value in all voxels
    (an empty channel) is no scan. Of a folder of slices three are looked at.

    Args:
        items: case dictionaries with case and patient; files that do not exist are passed over.

    Source: byte-identical copies are the commonest leak between training and test.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in "ab": _ = (folder / name).write_bytes(bytes(range(256)) * 9)
        >>> items = [{"case": name, "patient": name, "image": str(folder / name)} for name in "ab"]
        >>> [problem.found for problem in same_scan_problems(items)] == [f"the same images as case 'a' of patient 'a'"]
        True
    """
    by_case = {str(item[CASE]): item for item in items}
    files = {case: _looked_at(item=item) for case, item in by_case.items()}
    shared: dict[tuple[str, str], int] = defaultdict(int)
    misplaced = set()
    sizes = {case: len(paths) for case, paths in files.items()}
    for holders in _same_content(files=files, sizes=sizes):
        if len(holders) == 2 and len({by_case[case][PATIENT] for case in holders}) == 2:
            misplaced.add(tuple(sorted(holders)))
        for pair in combinations(sorted(holders), 2) if len(holders) <= _CROWD else ():
            shared[pair] += 1
    most = {pair for pair, count in shared.items() if 2 * count > min(sizes[case] for case in pair)}
    return [
        _problem(first=by_case[pair[0]], second=by_case[pair[1]], is_most=pair in most)
        for pair in sorted(most | misplaced)
    ]


def refuse_same_scans(items: Sequence[Mapping[str, Any]]) -> None:
    """Raise if two patients have the same scan, and warn if one patient has it twice.

    Args:
        items: case dictionaries with case and patient.

    Raises:
        DataProblems: names all pairs.

    Example:
        >>> refuse_same_scans([{"case": "a", "patient": "a", "image": "not/there.nii"}])
    """
    problems = same_scan_problems(items)
    raise_for_problems(problems)
    for problem in problems:
        warnings.warn(str(problem), stacklevel=3)


def _looked_at(*, item: Mapping[str, Any]) -> list[Path]:
    """Return the images of a case, or three of those that lie in a folder or are slices."""
    given = item[IMAGE] if isinstance(item[IMAGE], list | tuple) else [item[IMAGE]]
    files = list(dict.fromkeys(Path(file) for file in given))
    if len(files) == 1 and files[0].is_dir():
        inside = (file for file in files[0].rglob("*") if file.is_file() and not file.name.startswith("."))
        files = sorted(file for file in inside if file.name != "DICOMDIR")
    if len(files) > 2 * _LOOKED_AT:
        files = [files[len(files) * (index + 1) // (_LOOKED_AT + 1)] for index in range(_LOOKED_AT)]
    return files


def _same_content(*, files: Mapping[str, Sequence[Path]], sizes: dict[str, int]) -> Iterator[set[str]]:
    """Yield the cases of each content that several cases have; empty channels are taken off the `sizes` of cases."""
    holders: dict[tuple[int, str], list[tuple[str, Path]]] = defaultdict(list)
    kinds = {path.suffix.lower() == ".gz" for paths in files.values() for path in paths}
    for case, paths in files.items():
        for path in paths:
            holders[_sample(file=path, some_packed=len(kinds) > 1)].append((case, path))
    holders.pop(_NOTHING, None)
    groups = [group for group in holders.values() if len({case for case, _ in group}) > 1]
    constant = [group for group in groups if _is_constant(file=group[0][1])]
    for case, _ in chain(*constant):
        sizes[case] -= 1
    for group in groups:
        if group in constant:
            continue
        contents: dict[str, list[tuple[str, Path]]] = defaultdict(list)
        for case, path in group:
            contents[_content(file=path)].append((case, path))
        for alike in contents.values():
            cases = {case for case, _ in alike}
            if len(cases) > 1:
                yield cases


def _sample(*, file: Path, some_packed: bool) -> tuple[int, str]:
    try:
        # a copy may be packed and the other not: then both are told by checksum and length of their content
        sample = content_checksum(file) if some_packed and file.suffix.lower() != ".gz" else content_sample(file)
        # what gzip notes of the content holds whatever the packed size is
        size = -1 if "-" in sample else file.stat().st_size
    except OSError:
        return _NOTHING  # the check of the case says so
    return (size, sample) if size else _NOTHING


def _content(*, file: Path) -> str:
    try:
        return content_hash(file)
    except OSError:
        return str(file)


def _is_constant(*, file: Path) -> bool:
    """Tell whether all that follows a header of 352 bytes, NIfTI's, repeats its first 16 bytes."""
    try:
        packed = file.read_bytes()
        voxels = (gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)[352:]
    except (OSError, EOFError, zlib.error):
        return False  # the check of the case says so
    return bool(voxels) and voxels == (voxels[:16] * (len(voxels) // 16 + 1))[: len(voxels)]


def _problem(*, first: Mapping[str, Any], second: Mapping[str, Any], is_most: bool) -> Problem:
    file = second[IMAGE][0] if isinstance(second[IMAGE], list | tuple) else second[IMAGE]
    is_leak = is_most and first[PATIENT] != second[PATIENT]
    remedy = "leave one of them out" if is_most else "put the right file in its place"
    if is_leak:
        remedy += ", or give both the same patient if both must stay: the scan could be in training and in test"
    shared = "the same images as" if is_most else "some of the images of"
    found = f"{shared} case {first[CASE]!r} of patient {first[PATIENT]!r}"
    severity = "error" if is_leak else "warning"
    return Problem(str(file), "be a scan of its own", found, remedy, severity, str(second[CASE]))
