"""A split that the data bring along: lists training, validation and testing, or folds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from bundle.data.cases.case_ids import as_id
from bundle.keys import CASE, FOLD, LABEL, PART, PATIENT

_PARTS = ("train", "val", "test")
_IGNORE = "set data_split to false to ignore it and divide all cases by split_fractions"


def without_unlabeled_test(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Leave out test lists without any label, as challenges publish them: nothing can be scored on them.

    Args:
        items: case dictionaries; a list's entries have a ``"part"``.

    Example:
        >>> items = [{"case": "a", "label": "a.nii", "part": "train"}, {"case": "b", "part": "test"}]
        >>> with warnings.catch_warnings(record=True) as told: print(len(without_unlabeled_test(items)))
        1
    """
    listed = [item for item in items if item.get(PART) == "test"]
    if not listed or len(listed) == len(items) or any(item.get(LABEL) is not None for item in listed):
        return [dict(item) for item in items]
    warnings.warn(
        f"the test list has {len(listed)} cases without labels, e.g. {listed[0].get(CASE)!r}: they are left alone, no "
        "part of training, validation and test.",
        stacklevel=3,
    )
    return [dict(item) for item in items if item.get(PART) != "test"]


def own_split(items: Sequence[Mapping[str, Any]], fold: Any = None) -> dict[str, list[str]] | None:
    """Return the case ids of the parts that the data bring along, or None if they bring no split.

    Lists are parts. Where no list validates, an entry's `fold` decides: the chosen fold validates, the others train.

    Args:
        items: case dictionaries, of which a list's entries have a ``"part"`` or a ``"fold"``.
        fold: the fold that validates; None takes the first.

    Raises:
        ValueError: if there is no such fold, or nothing is left to train on.

    Example:
        >>> items = [{"case": name, "patient": name, "fold": fold} for name, fold in ("a0", "b0", "c1")]
        >>> with warnings.catch_warnings(record=True) as told: own_split(items, fold=1)
        {'train': ['a', 'b'], 'val': ['c'], 'test': []}
    """
    parts: dict[str, list[str]] = {part: [] for part in _PARTS}
    for item in items:
        parts[item.get(PART) or "train"].append(str(item[CASE]))
    folds = {str(item[CASE]): str(item[FOLD]) for item in items if item.get(FOLD) is not None}
    chosen = None
    if folds and not parts["val"]:
        chosen = _chosen(fold=fold, folds=sorted(set(folds.values()), key=lambda name: (len(name), name)))
        parts["val"] = [case for case in parts["train"] if folds.get(case) == chosen]
        parts["train"] = [case for case in parts["train"] if folds.get(case) != chosen]
    elif len([part for part in parts.values() if part]) < 2:
        return None
    if fold is not None and chosen is None:
        raise ValueError(f"fold must be null where the data's lists are the split, got {fold}: {_IGNORE}.")
    if not parts["train"]:
        raise ValueError(f"the data's own split must have training cases, got none: {_IGNORE}.")
    drawn = "" if parts["val"] else "; it has no validation cases: they are drawn from the patients of its training"
    part_of = {case: part for part, cases in parts.items() for case in cases}
    require_patients_apart({part: [item for item in items if part_of[str(item[CASE])] == part] for part in _PARTS})
    counts = ", ".join(f"{len(parts[part])} {part}" for part in _PARTS)
    counts += f" (fold {chosen} validates)" if chosen is not None else ""
    warnings.warn(f"the data bring their own split, and it is used: {counts}{drawn}. {_IGNORE}.", stacklevel=3)
    return parts


def require_patients_apart(parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Refuse parts of a split that share a patient.

    Args:
        parts: name of each part -> its case dictionaries.

    Raises:
        ValueError: names the patient, the parts and the case.

    Example:
        >>> require_patients_apart({"train": [{"case": "a", "patient": "p"}], "test": [{"case": "b", "patient": "q"}]})
    """
    part_of: dict[str, str] = {}
    for name, items in parts.items():
        for item in items:
            if part_of.setdefault(item[PATIENT], name) != name:
                raise ValueError(
                    f"patient {item[PATIENT]!r} must be in one part, got {part_of[item[PATIENT]]} and {name} (case "
                    f"{item[CASE]!r}): all scans of a patient belong in one part."
                )


def require_labeled_test(test: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> None:
    """Refuse to keep cases for a test that cannot score them, where others have labels.

    Args:
        test: case dictionaries of the test part.
        others: those of training and validation.

    Raises:
        ValueError: names one of the cases.

    Example:
        >>> require_labeled_test([{"case": "b", "label": "b.nii"}], [{"case": "a", "label": "a.nii"}])
    """
    unlabeled = test and not any(item.get(LABEL) is not None for item in test)
    if unlabeled and any(item.get(LABEL) is not None for item in others):
        raise ValueError(
            f"the test part must hold cases with labels, got {len(test)} without, e.g. {test[0][CASE]!r}: give them "
            "labels, or take them out of the test part."
        )


def warn_own_split_unused(items: Sequence[Mapping[str, Any]], knob: str) -> None:
    """Warn that a knob decides although the data bring a split along."""
    if len({item.get(PART) for item in items}) > 1 or any(item.get(FOLD) is not None for item in items):
        warnings.warn(f"the data bring their own split, and {knob} is used in its place.", stacklevel=3)


def _chosen(*, fold: Any, folds: Sequence[str]) -> str:
    chosen = as_id(fold, "fold", "options") or folds[0]
    if chosen not in folds:
        raise ValueError(f"fold must be one of the data's folds, {', '.join(folds)}, got {chosen}: choose one of them.")
    return chosen
