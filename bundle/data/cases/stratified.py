"""Patients in a seeded order, stratified by site, and its division into parts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bundle.data.cases.case_ids import as_id
from bundle.keys import CASE, PATIENT, SITE


def _largest_remainder(count: int, fractions: Sequence[float]) -> list[int]:
    """Divide `count` in proportion to `fractions` by the largest remainders (Hamilton's method).

    A part whose fraction is not zero gets at least one, taken from the largest part.

    Args:
        count: how many there are to divide.
        fractions: shares, at least zero; their sum need not be one.

    Raises:
        ValueError: there are fewer than parts with a fraction above zero.

    Example:
        >>> [_largest_remainder(count, (0.7, 0.1, 0.2)) for count in (369, 131, 3)]
        [[258, 37, 74], [92, 13, 26], [1, 1, 1]]
    """
    wanted = sum(fraction > 0 for fraction in fractions)
    if count < wanted:
        raise ValueError(
            f"the fractions {tuple(fractions)} must have at least {wanted} patients, got {count}: add patients, or "
            "set the fraction of a part that is not needed to 0."
        )
    # Rounding hides that 0.1 + 0.2 + 0.7 is not exactly one.
    quotas = [round(count * fraction / sum(fractions), 9) for fraction in fractions]
    parts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(len(parts)), key=lambda part: parts[part] - quotas[part])
    for part in by_remainder[: count - sum(parts)]:
        parts[part] += 1
    for part, fraction in enumerate(fractions):
        if fraction > 0 and parts[part] == 0:
            parts[parts.index(max(parts))] -= 1
            parts[part] = 1
    return parts


class StratifiedPatients:
    """Patients of each site in random order, one site after the other: parts taken evenly along it are stratified.

    Args:
        sites: site of each patient; the order of the mapping does not matter.
        seed: decides the order of sites, and of patients within a site.

    Example:
        >>> line = StratifiedPatients({"a": "x", "b": "y", "c": "x", "d": "y"}, seed=0)
        >>> parts = line.partition((0.5, 0.0, 0.5))
        >>> [len(part) for part in parts], {patient in "ac" for patient in parts[0]}
        ([2, 0, 2], {False, True})
    """

    def __init__(self, sites: Mapping[str, str], *, seed: int) -> None:
        generator = random.Random(seed)
        names = sorted(set(sites.values()))
        generator.shuffle(names)
        self.patients: list[str] = []
        for name in names:
            members = sorted(patient for patient, site in sites.items() if site == name)
            generator.shuffle(members)
            self.patients += members

    def partition(self, fractions: Sequence[float]) -> list[list[str]]:
        """Divide the line into parts of the sizes that `_largest_remainder` gives, spread evenly along it.

        Raises:
            ValueError: if there are fewer patients than parts.
        """
        targets = _largest_remainder(len(self.patients), fractions)
        parts: list[list[str]] = [[] for _ in targets]
        for index, patient in enumerate(self.patients):
            _neediest(parts=parts, targets=targets, share=(index + 1) / len(self.patients)).append(patient)
        return parts

    def fold(self, fold: int, num_folds: int) -> list[str]:
        """Return every `num_folds`-th patient: over all folds each patient comes exactly once.

        Raises:
            ValueError: if there are fewer patients than folds, or no such fold.
        """
        if not 2 <= num_folds <= len(self.patients):
            raise ValueError(
                f"num_folds must be from 2 to the number of patients, {len(self.patients)}, got {num_folds}: ask for "
                "fewer folds, or add patients."
            )
        if not 0 <= fold < num_folds:
            raise ValueError(f"fold must be from 0 to num_folds - 1 = {num_folds - 1}, got {fold}: folds count from 0.")
        return self.patients[fold::num_folds]

    def without(self, patients: Sequence[str]) -> StratifiedPatients:
        """Return the line of those who are not among `patients`, in the same order."""
        rest = StratifiedPatients({}, seed=0)
        taken = set(patients)
        rest.patients = [patient for patient in self.patients if patient not in taken]
        return rest


def draw_patients(
    items: Sequence[Mapping[str, Any]],
    fractions: Sequence[float],
    *,
    seed: int,
    num_folds: int | None = None,
    fold: int | None = None,
    test_site: Any = None,
) -> list[list[str]]:
    """Draw the patients of each part: by shares, or what a fold or a site leaves.

    Args:
        items: cases with patient and site.
        fractions: share of each part; with a fold or a site the first two divide the others.
        seed: decides who goes where.
        num_folds: number of folds, with `fold`.
        fold: the fold that tests.
        test_site: the site that tests.

    Raises:
        ValueError: if there are fewer patients than parts or folds, or no such fold or site.

    Example:
        >>> items = [{"case": name, "patient": name, "site": "x"} for name in "abcd"]
        >>> [len(part) for part in draw_patients(items, (0.5, 0.25, 0.25), seed=0)]
        [2, 1, 1]
    """
    line = StratifiedPatients(_sites(items=items), seed=seed)
    if num_folds is not None and fold is not None:
        test = line.fold(fold, num_folds)
    elif test_site is not None:
        test = _patients_at(items=items, site=test_site)
    else:
        return line.partition(fractions)
    return [*line.without(test).partition(fractions[:2]), test]


def _sites(*, items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the site of each patient; who was seen at two sites is a stratum of both."""
    sites: dict[str, set[str]] = defaultdict(set)
    for item in items:
        sites[item[PATIENT]].add(item[SITE])
    return {patient: " and ".join(sorted(names)) for patient, names in sites.items()}


def _patients_at(*, items: Sequence[Mapping[str, Any]], site: Any) -> list[str]:
    site = as_id(site, "test_site", "options")  # a command line makes a number of a hospital's number
    sites = sorted({item[SITE] for item in items})
    if site not in sites:
        raise ValueError(f"test_site must be one of {sites}, got {site!r}: name a site of the data.")
    patients = {item[PATIENT] for item in items if item[SITE] == site}
    for item in items:
        if item[PATIENT] in patients and item[SITE] != site:
            raise ValueError(
                f"patient {item[PATIENT]!r} must be in one part, got test, for site {site!r}, and train or val, for "
                f"case {item[CASE]!r} of site {item[SITE]!r}: give that patient's cases one site."
            )
    return sorted(patients)


def _neediest(*, parts: list[list[str]], targets: list[int], share: float) -> list[str]:
    # The part furthest behind its share of the line so far; a full part has no share left to claim.
    behind = [
        target * share - len(part) if len(part) < target else -1e9 for part, target in zip(parts, targets, strict=True)
    ]
    return parts[behind.index(max(behind))]
