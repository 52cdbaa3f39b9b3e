"""Values that a knob may have: the part of its row in `knobs.yaml` that a machine reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

Bound = float | str | None
"""A number, or the name of the knob that holds it."""


@dataclass(frozen=True)
class Allowed:
    """Kind and limits of a plain value. A component (an object with a `_target_`) and an expression always pass.

    Args:
        type: a key of `_KINDS`; empty where no plain value but `words`, `list` or null is meant.
        min: least value.
        above: the value is larger.
        max: greatest value.
        below: the value is smaller.
        multiple_of: numbers or names of knobs that divide the value.
        odd: the value is.
        but: values between the limits that are none.
        words: texts that are allowed beside, or instead of, the type.
        words_with: entry that a config has where the words are allowed.
        list: a list is allowed too.
        list_without: entry that a config has where no list is allowed.
        optional: null is allowed too.

    Example:
        >>> Allowed("whole", min=1, optional=True).text(), Allowed("number", min=0, below="width").text({"width": 3})
        ('a whole number of at least 1 or null', 'a number from 0 to below width 3')
    """

    type: str = ""
    min: Bound = None
    above: Bound = None
    max: Bound = None
    below: Bound = None
    multiple_of: tuple[Any, ...] = ()
    odd: bool = False
    but: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()
    words_with: str = ""
    list: bool = False
    list_without: str = ""
    optional: bool = False

    def takes(self, value: Any, config: Mapping[str, Any]) -> bool:
        """Return whether a value of a config is allowed there.

        Args:
            value: of the knob, references unresolved.
            config: merged, with the knobs that the limits name.

        Example:
            >>> allowed = Allowed("number", above=0, max="top", words=("all",))
            >>> [allowed.takes(value, {"top": 9}) for value in (3, 0, 10, "all", "1e-4", True, None, "@other")]
            [True, False, False, True, False, False, False, True]
        """
        if self == Allowed() or is_open(value):
            return True
        if value is None:
            return self.optional
        if isinstance(value, list) and self.list:
            return self.list_without not in config
        if isinstance(value, str) and value in self.words:
            return not self.words_with or self.words_with in config
        return self.type in _KINDS and _KINDS[self.type](value) and self._is_within(value, config)

    def _is_within(self, value: Any, config: Mapping[str, Any]) -> bool:
        if self.type not in ("whole", "number"):
            return True
        least, above, most, below = (_number(bound, config) for bound in (self.min, self.above, self.max, self.below))
        divisors = [_number(divisor, config) for divisor in self.multiple_of]
        return (
            (least is None or value >= least)
            and (above is None or value > above)
            and (most is None or value <= most)
            and (below is None or value < below)
            and all(value % divisor == 0 for divisor in divisors if divisor)
            and not (self.odd and value % 2 == 0)
            and value not in self.but
        )

    def text(self, config: Mapping[str, Any] | None = None) -> str:
        """Return what a value must be, with the numbers of a config where it is given one."""
        config = config or {}
        kind = [_NOUNS[self.type] + self._limits(config)] if self.type else []
        words = self.words if not config or not self.words_with or self.words_with in config else ()
        choices = [
            *words,
            *kind,
            *(["a list"] if self.list and not self.type else []),
            *(["null"] if self.optional else []),
        ]
        return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)

    def _limits(self, config: Mapping[str, Any]) -> str:
        """Return the limits of a number, as they follow "a number"."""
        least, above, most, below = (_named(bound, config) for bound in (self.min, self.above, self.max, self.below))
        upper = most or (below and f"below {below}")
        if least and upper:
            limits = [f" from {least} to {upper}"]
        else:
            limits = [f" {word} {bound}" for word, bound in (("of at least", least), ("above", above)) if bound]
            limits += [f" up to {upper}"] if upper else []
        limits += [", odd"] * self.odd + [f", not {value}" for value in self.but]
        return "".join([*limits, *(f", a multiple of {_named(divisor, config)}" for divisor in self.multiple_of)])


def is_open(value: Any) -> bool:
    """Return whether a value is a component, an expression, a reference or a macro, known only when it is made."""
    return isinstance(value, dict) or (isinstance(value, str) and value.startswith(("$", "@", "%")))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and value != "" and "#" not in value  # MONAI makes :: of a #


def _is_device(value: Any) -> bool:
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError):
        return False
    return device.type != "cuda" or (device.index or 0) < torch.cuda.device_count()


def _are_shares(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 3
        and all(_is_number(share) and share >= 0 for share in value)
        and math.isclose(sum(value), 1, abs_tol=1e-6)
    )


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "whole": _is_whole,
    "number": _is_number,
    "flag": lambda value: isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "name": lambda value: isinstance(value, str) or _is_number(value),
    "path": _is_path,
    "device": _is_device,
    "shares": _are_shares,
}
_NOUNS = {
    "whole": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "text": "text",
    "name": "a name",
    "path": "a path without #",
    "device": "cpu, or cuda or cuda:0 where there is such a GPU",
    "shares": "three numbers of at least 0 with the sum 1",
}


def _number(bound: Any, config: Mapping[str, Any]) -> float | None:
    """Return a bound, or the number that the knob of this name has; None where it is an expression or missing."""
    value = config.get(bound) if isinstance(bound, str) else bound
    return value if _is_number(value) else None


def _named(bound: Any, config: Mapping[str, Any]) -> str:
    """Return a bound for people: a knob with its value."""
    if isinstance(bound, str):
        return f"{bound} {config[bound]}" if _number(bound, config) is not None else bound
    return "" if bound is None else f"{bound:g}"
