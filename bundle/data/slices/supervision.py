"""Choice of the cases whose masks supervise the maps."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray


def supervised_cases(
    choice: str | float | Sequence[str], cases: Sequence[str], has_mask: NDArray[np.bool_], seed: int = 0
) -> NDArray[np.bool_]:
    """Return (n,) which cases supervise the maps.

    A fraction or a count takes the first of the cases with a mask in an order drawn from the seed, so fewer are part
    of more, whatever order the cases come in.

    Args:
        choice: `"all"`; a fraction from 0 to 1 of the cases with a mask; a count of them from 2 on (1 is a fraction,
            all of them); or case ids.
        cases: (n,) ids.
        has_mask: (n,) which cases have one.
        seed: of the order.

    Raises:
        ValueError: another word, a number that is neither fraction nor count, a count of more cases than have a mask,
            an id that is unknown (with the nearest one) or has no mask.

    Source: subsets of supervised cases, figure 4 of the paper.

    Example:
        >>> supervised_cases(0.5, ["a", "b", "c"], np.array([True, False, True])).tolist()
        [True, False, False]
        >>> supervised_cases(2, ["a", "b", "c"], np.array([True, False, True])).tolist()
        [True, False, True]
    """
    has_mask = np.asarray(has_mask, dtype=bool)
    if isinstance(choice, str):
        if choice != "all":
            raise ValueError(
                f"supervised_cases must be 'all', a fraction, a count or case ids, got {choice!r}: correct it."
            )
        return has_mask.copy()
    if isinstance(choice, int | float):
        count = _count(choice, available=int(has_mask.sum()))
        return _drawn(count, cases=cases, has_mask=has_mask, seed=seed)
    return _named([str(name) for name in choice], cases=cases, has_mask=has_mask)


def _count(choice: float, *, available: int) -> int:
    """Return how many cases a fraction or a count means."""
    if isinstance(choice, bool) or not (0 <= choice <= 1 or (choice > 1 and float(choice).is_integer())):
        raise ValueError(
            f"supervised_cases must be a fraction from 0 to 1 or a whole number from 2 on, got {choice}: correct it."
        )
    if choice > max(available, 1):
        raise ValueError(
            f"supervised_cases must be at most {available}, the training cases with a mask, got {choice}: ask for "
            "fewer."
        )
    return int(choice) if choice > 1 else round(choice * available)


def _drawn(count: int, *, cases: Sequence[str], has_mask: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    with_mask = sorted(name for name, masked in zip(cases, has_mask, strict=True) if masked)
    order = np.random.default_rng(seed).permutation(len(with_mask))
    chosen = {with_mask[index] for index in order[:count]}
    return np.array([name in chosen for name in cases], dtype=bool)


def _named(choice: list[str], *, cases: Sequence[str], has_mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    masked = dict(zip(cases, has_mask.tolist(), strict=True))
    for name in choice:
        if name not in masked:
            near = get_close_matches(name, masked, n=1, cutoff=0)
            raise ValueError(
                f"supervised_cases must name cases of this data set, got {name!r}"
                + (f": did you mean {near[0]!r}?" if near else ": the data set has no cases.")
            )
        if not masked[name]:
            raise ValueError(f"supervised_cases must name cases with a mask, got {name!r} without: remove it.")
    return np.isin(np.asarray(cases), choice)
