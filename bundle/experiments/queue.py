"""Queue of runs, some at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Protocol

from tqdm import tqdm

from bundle.experiments.process_group import ended_like_ctrl_c
from bundle.experiments.run import BundleRun


class Progressing(Protocol):
    """Anything with a part that is done, between 0 and 1."""

    @property
    def progress(self) -> float:
        """The part that is done."""


class TimeLeft:
    """Estimates the time left by the clock: what a whole run takes, and how much of one each run still needs.

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
        needed = [self._needed(run.progress, at_work.get(id(run)), whole=whole, now=now) for run in runs]
        return timedelta(seconds=round(max(max(needed), sum(needed) / self.parallel)))

    @staticmethod
    def _needed(progress: float, begun: tuple[float, float] | None, *, whole: float, now: float) -> float:
        """Return the seconds that one run still needs if a whole one takes `whole`."""
        if begun is None:
            return whole * (1 - progress)
        started, before = begun
        return max(whole * (1 - before) - (now - started), 0.05 * whole)


class RunQueue:
    """Runs what is not finished yet, `parallel` processes at a time; a failed run is reported and stops no other.

    A bar on a terminal counts runs by the epochs they have done and tells the time left; elsewhere a line per run does.
    Ctrl-C, SIGTERM and SIGHUP end the processes at work; the same queue continues them.

    Args:
        runs: any number of runs with folders of their own.
        parallel: processes at a time; each uses one thread.

    Raises:
        ValueError: two runs share a folder, or nothing can run at a time.
        KeyboardInterrupt: it was told to end.

    Example:
        >>> RunQueue([], parallel=2)()
        []
    """

    def __init__(self, runs: Sequence[BundleRun], parallel: int = 2) -> None:
        folders = [run.output_dir for run in runs]
        if len(set(folders)) < len(folders):
            raise ValueError("folders of runs must differ, got one twice: give the rows different names.")
        if parallel < 1:
            raise ValueError(f"parallel must be 1 process or more, got {parallel}.")
        self.runs = runs
        self.parallel = parallel
        self.time_left = TimeLeft(parallel)

    def __call__(self) -> list[BundleRun]:
        """Run, and return the runs that failed."""
        failed: list[BundleRun] = []
        with self.bar() as bar, ThreadPoolExecutor(self.parallel) as pool, ended_like_ctrl_c():
            try:
                for run, waiting in self.ended(pool, bar):
                    failed += [] if run.is_finished else [run]
                    tqdm.write(f"{run.name}: {self._outcome(run)}; {len(waiting)} runs and {self.left(waiting)}")
                    if not run.is_finished:
                        tqdm.write("".join(f"    {line}\n" for line in run.last_words().splitlines()))
            except BaseException:  # end the processes at work, start no other
                pool.shutdown(wait=False, cancel_futures=True)
                for run in self.runs:
                    run.end()
                raise
        return failed

    def ended(self, pool: Executor, bar: tqdm) -> Iterator[tuple[BundleRun, list[BundleRun]]]:
        """Yield each run when it has ended, with those that have not."""
        futures: dict[Future[bool], BundleRun] = {}
        for run in self.runs:
            if not run.is_finished:
                teachers = [its for its, other in futures.items() if other.output_dir.absolute() == run.teacher]
                futures[pool.submit(self.timed, run, teachers)] = run
        waiting: set[Future[bool]] = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            rest = [futures[future] for future in waiting]
            bar.n = round(sum(run.progress for run in self.runs), 2)
            bar.set_postfix_str(self.left(rest))
            for future in done:
                if error := future.exception():
                    tqdm.write(f"{futures[future].name}: {error}")
                yield futures[future], rest

    def timed(self, run: BundleRun, before: Sequence[Future[bool]] = ()) -> bool:
        """Run one when those before it have ended, and note when."""
        wait(before)
        self.time_left.start(run)
        try:
            return run()
        finally:
            self.time_left.stop(run)

    def left(self, waiting: Sequence[BundleRun]) -> str:
        """Return the time left as words."""
        left = self.time_left(waiting)
        return "an unknown time left" if left is None else f"{left} left"

    def bar(self) -> tqdm:
        """Return the bar over all runs."""
        form = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} runs [{elapsed}{postfix}]"
        done = sum(run.progress for run in self.runs)
        return tqdm(total=len(self.runs), initial=done, bar_format=form, disable=not sys.stderr.isatty())

    @staticmethod
    def _outcome(run: BundleRun) -> str:
        """Return how a run ended."""
        return "done" if run.is_finished else f"FAILED, its last words are in {run.log}"
