"""One figure of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What was measured for one key, with its spread and what it could be at best.

    Args:
        key: as in `TARGETS`.
        value: ratio of medians, or the quantity that the key names.
        low: first quartile over the repetitions; the value itself where nothing is repeated.
        high: third quartile.
        floor: the value that the floor of this figure would have; None where there is none.
        details: all else that was measured on the way.
    """

    key: str
    value: float
    low: float
    high: float
    floor: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def with_floor(self, floor: float) -> Figure:
        """Return the same figure beside another floor."""
        return replace(self, floor=floor)
