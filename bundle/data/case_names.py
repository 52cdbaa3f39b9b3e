"""Names for items that come without: MONAI Label and plain datalists give only image and label."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from bundle.data.file_stem import file_stem
from bundle.keys import CASE, IMAGE, PATIENT, SITE


def complete_items(items: Iterable[Mapping[str, Any]], warn: bool = True) -> list[dict[str, Any]]:
    """Return copies of the items in which `case`, `patient` and `site` are always there.

    `case` defaults to the stem of the first image file, `patient` to the case, `site` to ``"unknown"``. One warning
    tells how many items had to be named, because a patient with two scans then counts as two patients.

    Args:
        items: case dictionaries with at least ``"image"``.
        warn: False where nothing is split, as in inference.

    Raises:
        ValueError: if an item has no image, or two items end with the same case id; both files are named.

    Example:
        >>> complete_items([{"image": "d/a.nii.gz", "case": "a", "patient": "p"}])
        [{'image': 'd/a.nii.gz', 'case': 'a', 'patient': 'p', 'site': 'unknown'}]
    """
    given = [dict(item) for item in items]
    unnamed = [item for item in given if CASE not in item or PATIENT not in item]
    named = [_complete(item=item) for item in given]
    _refuse_duplicates(items=named)
    if unnamed and warn:
        warnings.warn(
            f"{len(unnamed)} of {len(given)} items say no `case` or no `patient`: the stem of the first file names the "
            f"case (e.g. {_complete(item=unnamed[0])[CASE]!r}) and each case counts as a patient of its own. Add "
            "`patient` if a patient has several scans, or splits may leak.",
            stacklevel=2,
        )
    return named


def _complete(*, item: Mapping[str, Any]) -> dict[str, Any]:
    case = str(item.get(CASE) or file_stem(_first_file(item=item)))
    return {**item, CASE: case, PATIENT: str(item.get(PATIENT) or case), SITE: str(item.get(SITE) or "unknown")}


def _first_file(*, item: Mapping[str, Any]) -> str:
    image = item.get(IMAGE)
    if not image:
        raise ValueError(f"Expected an item with a file or a list of files under {IMAGE!r}, but got {dict(item)!r}.")
    return str(image[0] if isinstance(image, list | tuple) else image)


def _refuse_duplicates(*, items: list[dict[str, Any]]) -> None:
    seen: dict[str, str] = {}
    for item in items:
        file = _first_file(item=item)
        if item[CASE] in seen:
            raise ValueError(
                f"Expected every case id once, but {item[CASE]!r} names {seen[item[CASE]]} and {file}. "
                "Give each item a `case` of its own, for example with the hospital's name in front."
            )
        seen[item[CASE]] = file
