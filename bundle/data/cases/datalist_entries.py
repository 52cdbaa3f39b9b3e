"""Entries of a datalist: which lists are which part of a split, which keys an entry may have."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bundle.keys import CASE, FOLD, IMAGE, LABEL, ORGAN, PART, PATIENT, SITE
from bundle.volumes import is_slice_image, is_volume

PART_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of lists, in lower case, and the part of a split that they are."""
_KEYS = (IMAGE, LABEL, CASE, PATIENT, SITE, ORGAN, FOLD)
_SYNONYMS = {
    LABEL: ("mask", "seg", "segmentation", "lbl", "target", "gt", "ground_truth", "annotation"),
    PATIENT: ("subject", "subject_id", "pid", "participant", "participant_id", "patient_id"),
    CASE: ("id", "case_id", "name"),
    SITE: ("hospital", "center", "institution"),
    IMAGE: ("img", "volume", "scan"),
}
_CLOSE = 0.76
"""Likeness (difflib) from which a key is a slip: lable (0.80) and pateint (0.86) are; size (0.75) is no site."""

_CHANNEL = re.compile(r"\b(t1\w*|t2\w*|flair\w*|pd\w*|adc|dwi\w*|swi|asl|ct|pet|mr)\b")
"""Words that say what a file shows."""


def datalist_entries(content: Any, section: str | None, path: Path) -> list[dict[str, Any]]:
    """Return the entries of a datalist as items; those of lists named after parts of a split have a ``"part"``.

    Args:
        content: of the JSON file: a list of entries, or an object with lists of entries.
        section: the list to read; its entries have no part. None reads all.
        path: the file, for errors.

    Raises:
        ValueError: if the form is another one, a list's name or an entry's key is unknown or a slip of a known one, an
            entry has no image, or the names of channel files say that their order differs from case to case.

    Example:
        >>> datalist_entries({"training": ["a.nii"], "testing": ["b.nii"]}, None, Path("list.json"))
        [{'image': 'a.nii', 'part': 'train'}, {'image': 'b.nii', 'part': 'test'}]
    """
    if isinstance(content, list) and section is None:
        lists: dict[str, list[Any]] = {"": content}
    else:
        lists = {name: value for name, value in content.items() if _is_list(value)} if _is_map(content) else {}
        if not lists or (section is not None and section not in lists):
            raise ValueError(
                f"{path} must hold {'lists of cases' if section is None else f'a list of cases named {section!r}'}, "
                f"got the lists {sorted(lists)}: a datalist looks like "
                '{"training": [{"image": "a.nii.gz", "label": "a_seg.nii.gz"}]}.'
            )
        lists = {section: lists[section]} if section is not None else lists
    parts = _parts(names=[name for name in lists if name], path=path) if section is None else {}
    items = [_item(entry=entry, part=parts.get(name), path=path) for name in lists for entry in lists[name]]
    _refuse_unknown_keys(items=items, path=path)
    _refuse_mixed_channels(items=items, path=path)
    return items


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    """Tell a list of cases from one of words, such as the names of classes."""
    if not isinstance(value, list) or not all(isinstance(entry, str | Mapping) for entry in value):
        return False
    return not value or any(_is_map(entry) or is_volume(entry) or is_slice_image(entry) for entry in value)


def _parts(*, names: list[str], path: Path) -> dict[str, str]:
    """Map names of lists to parts of a split; a datalist of one list need not call it by such a name."""
    parts = {name: PART_NAMES[name.strip().lower()] for name in names if name.strip().lower() in PART_NAMES}
    others = [name for name in names if name not in parts]
    for name in others:
        near = difflib.get_close_matches(name.lower(), PART_NAMES, n=1, cutoff=_CLOSE)
        if near or parts:
            raise ValueError(
                f"{path} must name its lists training, validation and testing, got {name!r}: "
                + (f"did you mean {near[0]!r}?" if near else "rename it, or set `section` of the finder to one list.")
            )
    if len(others) > 1:
        warnings.warn(
            f"{path} must name its lists training, validation and testing where they are a split, got {others}: they "
            "are mixed; rename them, or set `section` of the finder to one list.",
            stacklevel=4,
        )
    return parts


def _item(*, entry: Any, part: str | None, path: Path) -> dict[str, Any]:
    item = {IMAGE: entry} if isinstance(entry, str) else entry
    if not _is_map(item) or not item.get(IMAGE):
        raise ValueError(f"{path} must hold entries with an image file under {IMAGE!r}, got {entry!r}: add it.")
    return {**item, PART: part} if part else dict(item)


def _refuse_unknown_keys(*, items: list[dict[str, Any]], path: Path) -> None:
    unused: dict[str, None] = {}
    for item in items:
        for key in [key for key in item if key not in (*_KEYS, PART)]:
            meant = meant_key(key)
            if meant and item.get(meant) is None:
                raise ValueError(
                    f"{path} must hold entries with the keys {', '.join(_KEYS)}, got {key!r} for {item[IMAGE]}: did "
                    f"you mean {meant!r}? Rename it, or remove it if it is something else."
                )
            unused[key] = None
    if unused:
        warnings.warn(f"{path}: the keys {', '.join(unused)} of its entries are not used.", stacklevel=4)


def _refuse_mixed_channels(*, items: list[dict[str, Any]], path: Path) -> None:
    """Refuse lists of files made without sorting: a network would take one channel for another."""
    first: dict[frozenset[str], tuple[tuple[str, ...], Any]] = {}
    for item in items:
        names = _channel_names(item[IMAGE])
        order, image = first.setdefault(frozenset(names), (names, item[IMAGE]))
        if names != order:
            raise ValueError(
                f"{path} must list the files of each case in one order of channels, got {image} and {item[IMAGE]}: "
                "list them all in the order of the first case."
            )


def _channel_names(image: Any) -> tuple[str, ...]:
    """Return the words by which the channel files of a case say what they show, nothing where they do not tell."""
    if not isinstance(image, list) or not all(isinstance(file, str) for file in image):
        return ()
    words = [re.sub("[^a-z0-9]+", " ", file.lower()) for file in image]
    names = tuple(" ".join(_CHANNEL.findall(file)) for file in words)
    return names if all(names) and len(set(names)) == len(names) else ()


def meant_key(key: str) -> str | None:
    """Return the known key that an unknown one stands for, by its meaning or its letters.

    Example:
        >>> meant_key("lable"), meant_key("Subject_ID"), meant_key("age")
        ('label', 'patient', None)
    """
    plain = key.strip().lower()
    by_meaning = next((known for known, words in _SYNONYMS.items() if plain in words), None)
    near = difflib.get_close_matches(plain, _KEYS, n=1, cutoff=_CLOSE)
    return by_meaning or (near[0] if near else None)
