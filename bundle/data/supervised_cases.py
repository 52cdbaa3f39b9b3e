"""Whose masks the localization loss may use."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray


def supervised_cases(
    choice: str | float | Sequence[str], cases: Sequence[str], has_mask: NDArray[np.bool_], seed: int = 0
) -> NDArray[np.bool_]:
    """Return (n,) which cases supervise the maps.

    A fraction takes the first of the cases with a mask in an order drawn from the seed, so a smaller fraction is part
    of a larger one, whatever order the cases come in.

    Args:
        choice: `"all"`, a fraction from 0 to 1 of the cases with a mask, or case ids.
        cases: (n,) ids.
        has_mask: (n,) which cases have one.
        seed: of the order.

    Raises:
        ValueError: another word, a number outside [0, 1], an id that is unknown (with the nearest one) or has no mask.

    Source: subsets of supervised cases, figure 4 of the paper.

    Example:
        >>> supervised_cases(0.5, ["a", "b", "c"], np.array([True, False, True])).tolist()
        [True, False, False]
    """
    has_mask = np.asarray(has_mask, dtype=bool)
    if isinstance(choice, str):
        if choice != "all":
            raise ValueError(f"Expected `supervised_cases` to be 'all', a fraction or case ids but got {choice!r}.")
        return has_mask.copy()
    if isinstance(choice, int | float):
        return _fraction(float(choice), cases=cases, has_mask=has_mask, seed=seed)
    return _named([str(name) for name in choice], cases=cases, has_mask=has_mask)


def _fraction(fraction: float, *, cases: Sequence[str], has_mask: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    if not 0 <= fraction <= 1:
        raise ValueError(f"Expected `supervised_cases` to be a fraction from 0 to 1 but got {fraction}.")
    with_mask = sorted(name for name, masked in zip(cases, has_mask, strict=True) if masked)
    order = np.random.default_rng(seed).permutation(len(with_mask))
    chosen = {with_mask[place] for place in order[: round(fraction * len(with_mask))]}
    return np.array([name in chosen for name in cases], dtype=bool)


def _named(choice: list[str], *, cases: Sequence[str], has_mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    masked = dict(zip(cases, has_mask.tolist(), strict=True))
    for name in choice:
        if name not in masked:
            near = get_close_matches(name, masked, n=1, cutoff=0)
            raise ValueError(
                f"Expected `supervised_cases` to name cases of this data set but got {name!r}"
                + (f": did you mean {near[0]!r}?" if near else ", which has none.")
            )
        if not masked[name]:
            raise ValueError(f"Expected `supervised_cases` to name cases with a mask but {name!r} has none: remove it.")
    return np.isin(np.asarray(cases), choice)
