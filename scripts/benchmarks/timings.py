"""Interleaved timing: what is compared runs in turns, so that a busy moment of the machine hits both sides."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.figure import Figure


@dataclass(frozen=True)
class Timings:
    """Seconds of every repetition, by name; `[n]` of all names were taken in the same turn."""

    seconds: dict[str, list[float]]

    @classmethod
    def interleaved(cls, actions: Mapping[str, Callable[[], object]], repetitions: int) -> Timings:
        """Run all actions once to warm up, then in turns; every other turn backwards.

        Args:
            actions: name -> what to time; one that returns a float says itself how many seconds count.
            repetitions: turns.
        """
        seconds: dict[str, list[float]] = {name: [] for name in actions}
        for action in actions.values():
            action()
        for turn in range(repetitions):
            for name in list(actions)[:: 1 if turn % 2 == 0 else -1]:
                seconds[name].append(timed(actions[name]))
        return cls(seconds)

    def median(self, name: str) -> float:
        """Return the median seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, above: str, below: str) -> float:
        """Return the ratio of the medians."""
        return self.median(above) / self.median(below)

    def figure(self, key: str, above: str, below: str, floor: str | None = None, **details: Any) -> Figure:
        """Return `above` over `below`; the spread is that of the ratios of each turn.

        Args:
            key: of the figure.
            above: name of the numerator.
            below: name of the denominator.
            floor: name of what could not be faster, in the place of `above` (of `below` where more is better).
            details: to be kept with the figure.
        """
        pairs = [one / other for one, other in zip(self.seconds[above], self.seconds[below], strict=True)]
        low, high = quartiles(pairs)
        best = self.ratio(floor, below) if floor and floor != below else None
        return Figure(key, self.ratio(above, below), low, high, best, {"seconds": self.summary(), **details})

    def quartiles(self, name: str) -> tuple[float, float]:
        """Return the first and third quartile of the seconds."""
        return quartiles(self.seconds[name])

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return median, quartiles and count of every name."""
        return {
            name: {"median": self.median(name), "quartiles": self.quartiles(name), "repetitions": len(seconds)}
            for name, seconds in self.seconds.items()
        }


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes, or those that it returns."""
    start = time.perf_counter()
    result = action()
    return result if isinstance(result, float) else time.perf_counter() - start


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the first and third quartile."""
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third
