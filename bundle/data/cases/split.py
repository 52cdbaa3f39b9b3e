"""Division of cases into training, validation and test, always by patient."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.data.cases.case import Case, with_identities
from bundle.data.cases.own_split import (
    own_split,
    require_labeled_test,
    require_patients_apart,
    warn_own_split_unused,
    without_unlabeled_test,
)
from bundle.data.cases.same_scan import refuse_same_scans
from bundle.data.cases.split_file import read_split_file
from bundle.data.cases.stratified import draw_patients
from bundle.files import write_json
from bundle.keys import CASE, PATIENT

Items = list[dict[str, Any]]


@dataclass(frozen=True)
class Split:
    """Three lists of items that share no patient.

    Args:
        train: items to train on.
        val: items that choose the checkpoint and the threshold.
        test: items that are looked at once.

    Example:
        >>> split = Split([{"case": "a"}], [{"case": "b"}], [{"case": "c"}])
        >>> split.case_ids
        {'train': ['a'], 'val': ['b'], 'test': ['c']}
        >>> split.hash[:8]
        'a8d50e66'
    """

    train: Items
    val: Items
    test: Items

    @property
    def case_ids(self) -> dict[str, list[str]]:
        """Sorted case ids of each part."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {name: sorted(item[CASE] for item in items) for name, items in parts.items()}

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON of `case_ids`: equal for equal splits, wherever the files lie."""
        canonical = json.dumps(self.case_ids, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def write(self, path: str | Path) -> None:
        """Write ``{"train": [ids], "val": [ids], "test": [ids]}`` by one rename, so that the file is never half there.

        Args:
            path: file to write; its folder is made if need be.
        """
        write_json(path, self.case_ids)


def split_cases(
    cases: Sequence[Case | Mapping[str, Any]],
    *,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    seed: int = 0,
    num_folds: int | None = None,
    fold: int | None = None,
    test_site: str | None = None,
    split_file: str | Path | None = None,
    data_split: bool = True,
) -> Split:
    """Split cases by patient, in the same proportions at every site, the same for the same seed in whatever order.

    A split that the data bring along (lists of a datalist, their folds) is used as it is, unless folds, a site or a
    file are asked for; these exclude each other. Else patients are divided by fractions.

    Args:
        cases: records of a finder, or items; their ids must differ.
        fractions: shares of patients that train, validate and test, sum one; a share of zero leaves that part empty.
        seed: decides who goes where.
        num_folds: number of folds; over all folds every patient is in test exactly once.
        fold: which fold tests, from 0; of the rest, validation takes its share of `fractions`. Of folds that the data
            or a `split_file` bring, the one that validates.
        test_site: the site that tests; the others train and validate.
        split_file: JSON with the parts ``train``, ``val`` and ``test``, or nnU-Net's list of folds.
        data_split: False ignores a split that the data bring along.

    Raises:
        DataProblems: if two patients have the same scan.
        ValueError: if options contradict each other, there are fewer patients than parts, a site or an entry is
            unknown, no case of the test part has a label, or a patient would be in two parts, which names the patient.

    Example:
        >>> cases = [Case(f"scan{n}", f"p{n // 2}", "x", (f"{n}.nii",), None) for n in range(20)]
        >>> split = split_cases(cases)
        >>> len(split.train), len(split.val), len(split.test)
        (14, 2, 4)
    """
    items = sorted(with_identities(_as_items(cases=cases)), key=lambda item: item[CASE])
    _check_options(fractions=fractions, options=(num_folds, test_site, split_file))
    items = items if split_file is not None else without_unlabeled_test(items)
    knobs = {"split_file": split_file, "num_folds": num_folds, "test_site": test_site}
    chosen = next((name for name, value in knobs.items() if value is not None), None)
    if chosen and data_split:
        warn_own_split_unused(items, chosen)
    own = own_split(items, fold) if data_split and not chosen else None
    if split_file is not None:
        split = _by_case(items=items, parts=read_split_file(split_file, items, fold))
    elif own is not None:
        split = _with_validation(split=_by_case(items=items, parts=own), fractions=fractions, seed=seed)
    else:
        if (num_folds is None) != (fold is None):
            given = f"{num_folds!r} and {fold!r}"
            raise ValueError(f"num_folds and fold must come together, got {given}: set both or none.")
        options: dict[str, Any] = {"seed": seed, "num_folds": num_folds, "fold": fold, "test_site": test_site}
        split = _by_patient(items=items, parts=draw_patients(items, fractions, **options))
    refuse_same_scans([*split.train, *split.val, *split.test])
    require_labeled_test(split.test, [*split.train, *split.val])
    return split


def _with_validation(*, split: Split, fractions: Sequence[float], seed: int) -> Split:
    """Draw validation patients from those of training where there are none."""
    if split.val or not fractions[1]:
        return split
    drawn = _by_patient(items=split.train, parts=[*draw_patients(split.train, fractions[:2], seed=seed), []])
    return Split(drawn.train, drawn.val, split.test)


def _as_items(*, cases: Sequence[Case | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [case.item() if isinstance(case, Case) else case for case in cases]


def _check_options(*, fractions: Sequence[float], options: Sequence[Any]) -> None:
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(
            f"split_fractions must be three shares from 0 on with the sum 1, got {tuple(fractions)}: correct them."
        )
    if sum(option is not None for option in options) > 1:
        raise ValueError(
            "at most one of num_folds, test_site and split_file must be set, got "
            f"num_folds={options[0]!r}, test_site={options[1]!r}, split_file={options[2]!r}: set the others to null."
        )


def _by_patient(*, items: Items, parts: Sequence[Sequence[str]]) -> Split:
    part_of = {patient: index for index, part in enumerate(parts) for patient in part}
    train, val, test = ([item for item in items if part_of[item[PATIENT]] == index] for index in range(3))
    return Split(train, val, test)


def _by_case(*, items: Items, parts: Mapping[str, Sequence[str]]) -> Split:
    wanted = {name: set(cases) for name, cases in parts.items()}
    lists = {name: [item for item in items if item[CASE] in cases] for name, cases in wanted.items()}
    require_patients_apart(lists)
    return Split(lists["train"], lists["val"], lists["test"])


def split_hash(train: Iterable[Mapping[str, Any]], val: Iterable[Mapping[str, Any]]) -> str:
    """Return the hash of who is trained on and who chooses checkpoint and threshold.

    It goes into checkpoint, run record and results. Made from the lists the datasets really have, so that it is also
    true where another program (MONAI Label, a federated client) brings its own lists.

    Args:
        train: items of the training dataset.
        val: items of the validation dataset.

    Example:
        >>> a, b = ({"image": f"{name}.nii", "case": name, "patient": name} for name in "ab")
        >>> split_hash([a], [b]) == split_hash([a], [b]), split_hash([a], [b]) == split_hash([b], [a])
        (True, False)
    """
    return Split(with_identities(train), with_identities(val), []).hash
