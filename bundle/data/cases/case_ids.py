"""Ids of cases, patients and sites as they come from tables and lists: cleaned, refused or taken for one another."""

from __future__ import annotations

import numbers
import os
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bundle.keys import CASE

_MISSING = frozenset({"", "nan", "none", "null", "<na>", "nat"})


def as_id(value: Any, name: str, where: str) -> str | None:
    """Return an id as clean text, or None if there is none; 0 is an id, and 1.0 is 1.

    Spaces at the ends and invisible signs go; an accented letter becomes one sign, whichever way the file has it.

    Args:
        value: text, a number, or None for "not given".
        name: what the id is of, for the error.
        where: file and entry, for the error.

    Raises:
        ValueError: if the value is empty, NaN, or what programs write for it, or no text and no number.

    Example:
        >>> as_id(0, "patient", "list.json"), as_id(7.0, "patient", "list.json"), as_id(" P1 ", "patient", "list.json")
        ('0', '7', 'P1')
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | numbers.Real | os.PathLike):
        raise ValueError(f"{where}: {name} must be text or a number, got {value!r}: write one id.")
    if isinstance(value, numbers.Real) and float(value).is_integer():
        return str(int(float(value)) if isinstance(value, float) else value)
    text = clean_id(str(value))
    if text.casefold() in _MISSING:
        raise ValueError(
            f"{where}: {name} must be an id, got {value!r}: fill it in, or leave the entry out where nothing is known."
        )
    return text


def clean_id(text: str) -> str:
    r"""Return text without spaces at its ends and without invisible signs, each accented letter as one sign.

    Example:
        >>> clean_id("\ufeffP1\u00a0")
        'P1'
    """
    shown = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFC", shown).strip()


def look_alike(name: str) -> str:
    """Return the form that ids share which differ only by case, spaces, kind of sign, or a decimal `.0`.

    Example:
        >>> look_alike("P 1") == look_alike("p1"), look_alike("12.0") == look_alike("12")
        (True, True)
    """
    text = "".join(unicodedata.normalize("NFKC", name).casefold().split())
    whole, point, decimals = text.partition(".")
    return whole if point and whole.isdecimal() and decimals and not decimals.strip("0") else text


def one_spelling(names: Iterable[str], what: str, warn: bool = True) -> dict[str, str]:
    """Map each id to the spelling that its look-alikes share; one warning names those that become one.

    Args:
        names: ids.
        what: ``"patient"``, ``"site"`` or ``"case"``; cases are warned of and stay apart.
        warn: False where nothing is split.

    Example:
        >>> with warnings.catch_warnings(record=True) as told: spelling = one_spelling(["p2", "P2", "P3"], "patient")
        >>> spelling["p2"], str(told[0].message)[:50]
        ('P2', 'patients must differ by more than case or spaces, ')
    """
    alike: dict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[look_alike(name)].add(name)
    groups = [sorted(group) for group in alike.values() if len(group) > 1]
    if groups and warn:
        pairs = "; ".join(" and ".join(map(repr, group)) for group in groups[:5])
        taken = "they stay apart: rename one" if what == CASE else f"they count as one {what}: write them alike"
        warnings.warn(
            f"{what}s must differ by more than case or spaces, got {pairs}{' ...' * (len(groups) > 5)}: {taken}, or "
            "differently if they are two.",
            stacklevel=4,
        )
    return {name: group[0] for group in groups for name in group}
