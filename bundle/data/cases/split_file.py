"""A split somebody wrote down, read back onto the cases that are on disk."""

from __future__ import annotations

import difflib
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bundle.data.cases.case import file_stem
from bundle.data.cases.case_ids import as_id
from bundle.data.cases.datalist_entries import PART_NAMES
from bundle.files import read_json
from bundle.keys import CASE, IMAGE

_PARTS = ("train", "val", "test")


def read_split_file(path: str | Path, items: Sequence[Mapping[str, Any]], fold: Any = None) -> dict[str, list[str]]:
    """Return the case ids of the parts ``train``, ``val`` and ``test`` of a split file.

    Entries are case ids (``BraTS20_Training_034``), names of volume files (``volume-15.nii``) or items
    (``{"image": ...}``). Cases on disk that the file does not name are left out, with a warning.

    Args:
        path: JSON of the form ``{"train": [...], "val": [...], "test": [...]}``, or nnU-Net's ``splits_final.json``, a
            list of such objects, one a fold.
        items: the cases on disk, with their names completed.
        fold: which of the folds, from 0; None takes the first, with a warning.

    Raises:
        ValueError: if the file has another form, or names cases that are not on disk (all of them are listed, each with
            the nearest that is), more than one case by one entry, or a case twice.

    Source: method.md's form of the reference's split files.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "split.json"
        >>> _ = path.write_text('{"train": ["volume-1.nii"], "test": ["b"]}')
        >>> read_split_file(path, [{"case": "a", "image": "scans/volume-1.nii"}, {"case": "b", "image": "x.nii"}])
        {'train': ['a'], 'val': [], 'test': ['b']}
    """
    file = Path(path)
    parts = _parts(content=_of_fold(content=read_json(file), fold=fold, file=file), file=file)
    names = _names(items=items)
    _refuse_unknown(parts=parts, names=names, file=file)
    split = {part: [names[_name(entry=entry)][0] for entry in entries] for part, entries in parts.items()}
    _refuse_repeated(split=split, file=file)
    unnamed = len(items) - sum(len(ids) for ids in split.values())
    if unnamed:
        warnings.warn(f"{file} does not name {unnamed} of {len(items)} cases on disk: they are left out.", stacklevel=3)
    return split


def _of_fold(*, content: Any, fold: Any, file: Path) -> Any:
    """Return the chosen entry of a list of folds, and any other content as it is."""
    if not isinstance(content, list) or not content or not all(_is_map(entry) for entry in content):
        if fold is not None:
            raise ValueError(f"{file} must be a list of folds where fold is set, got one split: set fold to null.")
        return content
    chosen = as_id(fold, "fold", "options")
    if chosen is None:
        warnings.warn(f"{file} holds {len(content)} folds: fold 0 is used, set fold to choose.", stacklevel=4)
    if (chosen or "0") not in map(str, range(len(content))):
        raise ValueError(f"fold must be from 0 to {len(content) - 1}, got {chosen}: {file} has no other.")
    return content[int(chosen or 0)]


def _parts(*, content: Any, file: Path) -> dict[str, list[Any]]:
    lists = {key: value for key, value in content.items() if isinstance(value, list)} if _is_map(content) else {}
    named = {PART_NAMES.get(key.strip().lower(), key): value for key, value in lists.items()}
    if not named or set(named) - set(_PARTS):
        raise ValueError(
            f'{file} must hold lists named "train", "val" and "test", got the lists {sorted(lists)}: name them so, or '
            "write a list of such objects, one a fold."
        )
    return {part: named.get(part, []) for part in _PARTS}


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _names(*, items: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Map whatever a case may be called, its id, the name or stem of a file, to the ids of the cases so called."""
    called: dict[str, set[str]] = defaultdict(set)
    for item in items:
        files = item[IMAGE] if isinstance(item[IMAGE], list | tuple) else [item[IMAGE]]
        for file in files:
            called[Path(file).name].add(item[CASE])
            called[file_stem(file)].add(item[CASE])
    # An id is unique and means its case, even if another case has a file of that name.
    ids = {item[CASE]: [item[CASE]] for item in items}
    return {name: sorted(cases) for name, cases in called.items()} | ids


def _name(*, entry: Any) -> str:
    if isinstance(entry, Mapping):
        image = entry.get(IMAGE)
        first = image[0] if isinstance(image, list) and image else image
        entry = first if entry.get(CASE) is None else entry[CASE]
    name = as_id(entry, "entry", "split file")
    if name is None:
        raise ValueError("entries of a split file must be case ids or file names, got null: remove it.")
    return Path(name).name


def _refuse_unknown(*, parts: Mapping[str, list[Any]], names: Mapping[str, list[str]], file: Path) -> None:
    complaints = []
    for part, entries in parts.items():
        for name in (_name(entry=entry) for entry in entries):
            cases = names.get(name, [])
            if not cases:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0)
                complaints.append(f"{name!r} in {part} is no case on disk (nearest: {near[0]!r})")
            elif len(cases) > 1:
                complaints.append(f"{name!r} in {part} may be any of {cases}: use the case id")
    if complaints:
        raise ValueError(
            f"{file} must name one case on disk by each entry, got {'; '.join(complaints)}: correct or remove them."
        )


def _refuse_repeated(*, split: Mapping[str, list[str]], file: Path) -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for part, cases in split.items():
        for case in cases:
            places[case].append(part)
    repeated = [f"{case!r} is in {' and '.join(found)}" for case, found in places.items() if len(found) > 1]
    if repeated:
        raise ValueError(f"{file} must name every case once, got {'; '.join(repeated)}: keep one of each.")
