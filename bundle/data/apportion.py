"""Whole numbers of patients in proportion to fractions."""

from __future__ import annotations

from collections.abc import Sequence


def apportion(count: int, fractions: Sequence[float]) -> list[int]:
    """Divide `count` in proportion to `fractions` by the largest remainders (Hamilton's method).

    A part whose fraction is not zero gets at least one, taken from the largest part.

    Args:
        count: how many there are to divide.
        fractions: shares, at least zero; their sum need not be one.

    Raises:
        ValueError: if there are fewer than parts with a fraction above zero.

    Example:
        >>> apportion(369, (0.7, 0.1, 0.2)), apportion(131, (0.7, 0.1, 0.2)), apportion(3, (0.7, 0.1, 0.2))
        ([258, 37, 74], [92, 13, 26], [1, 1, 1])
    """
    wanted = sum(fraction > 0 for fraction in fractions)
    if count < wanted:
        raise ValueError(
            f"Expected at least {wanted} patients for the fractions {tuple(fractions)}, but got {count}. "
            "Add patients, or set the fraction of a part you do not need to 0."
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
