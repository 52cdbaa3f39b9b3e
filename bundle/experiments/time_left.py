"""How long a queue of runs still takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol


class Progressing(Protocol):
    """What has a part done, between 0 and 1."""

    @property
    def progress(self) -> float:
        """The part that is done."""


class TimeLeft:
    """Estimates by the clock: what a whole run takes, and how much of one each run still needs.

    Epochs alone mislead, because an evaluation has none: a run at work counts at least 5% of a whole one until it has
    ended. Whole runs are known from those that ended here; before one has, from the progress of those at work.

    Args:
        parallel: runs at a time.
        clock: seconds that never go back.

    Example:
        >>> from types import SimpleNamespace as Run
        >>> seconds = iter([0, 60, 60])
        >>> clock, runs = TimeLeft(1, clock=lambda: next(seconds)), [Run(progress=0.0), Run(progress=0.0)]
        >>> clock.start(runs[0]); runs[0].progress = 1.0; clock.stop(runs[0])
        >>> str(clock(runs[1:]))
        '0:01:00'
    """

    def __init__(self, parallel: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.parallel = parallel
        self.clock = clock
        self._lock = threading.Lock()  # runs start and stop in threads of their own
        self._at_work: dict[int, tuple[float, float]] = {}
        self._ended: list[tuple[float, float]] = []

    def start(self, run: Progressing) -> None:
        """Note when a run began, and with how much done."""
        with self._lock:
            self._at_work[id(run)] = (self.clock(), run.progress)

    def stop(self, run: Progressing) -> None:
        """Note when it ended; one that failed says nothing of the time that a whole run takes."""
        with self._lock:
            started, before = self._at_work.pop(id(run))
            if run.progress >= 1:
                self._ended.append((self.clock() - started, 1 - before))

    def __call__(self, runs: Sequence[Progressing]) -> timedelta | None:
        """Return the time until these have ended, in whole seconds, or None before there is anything to go by.

        Args:
            runs: those that have not ended, at work or waiting.
        """
        if not runs:
            return timedelta(0)
        now = self.clock()
        with self._lock:
            at_work, parts = dict(self._at_work), list(self._ended)
        if not parts:
            begun = [(run, at_work[id(run)]) for run in runs if id(run) in at_work]
            parts = [(now - started, run.progress - before) for run, (started, before) in begun]
        done = sum(part for _, part in parts)
        if done <= 0:
            return None
        whole = sum(seconds for seconds, _ in parts) / done
        needed = [self.needed(run.progress, at_work.get(id(run)), whole=whole, now=now) for run in runs]
        return timedelta(seconds=round(max(max(needed), sum(needed) / self.parallel)))

    @staticmethod
    def needed(progress: float, begun: tuple[float, float] | None, *, whole: float, now: float) -> float:
        """Return the seconds that one run still needs if a whole one takes `whole`."""
        if begun is None:
            return whole * (1 - progress)
        started, before = begun
        return max(whole * (1 - before) - (now - started), 0.05 * whole)
