"""Patients in a seeded order, stratified by site, and its division into parts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence


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


def _neediest(*, parts: list[list[str]], targets: list[int], share: float) -> list[str]:
    # The part furthest behind its share of the line so far; a full part has no share left to claim.
    behind = [
        target * share - len(part) if len(part) < target else -1e9 for part, target in zip(parts, targets, strict=True)
    ]
    return parts[behind.index(max(behind))]
