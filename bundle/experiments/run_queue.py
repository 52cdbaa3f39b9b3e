"""Many runs, some at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from datetime import timedelta

from tqdm import tqdm

from bundle.experiments.bundle_run import BundleRun


class RunQueue:
    """Runs what is not finished yet, `parallel` processes at a time, and reports what failed without stopping.

    A bar on a terminal counts runs by the epochs they have done and tells the time left; elsewhere a line per run does.

    Args:
        runs: any number of runs with folders of their own.
        parallel: processes at a time; each uses one thread.

    Raises:
        ValueError: two runs share a folder, or nothing can run at a time.

    Example:
        >>> RunQueue([], parallel=2)()
        []
    """

    def __init__(self, runs: Sequence[BundleRun], parallel: int = 2) -> None:
        folders = [run.output_dir for run in runs]
        if len(set(folders)) < len(folders):
            raise ValueError("every run expects a folder of its own: give the rows of the experiment different names.")
        if parallel < 1:
            raise ValueError(f"parallel expected at least 1 process, got {parallel}.")
        self.runs = runs
        self.parallel = parallel

    def __call__(self) -> list[BundleRun]:
        """Run, and return the runs that failed."""
        started, before = time.monotonic(), self.done()
        failed: list[BundleRun] = []
        with self.bar() as bar, ThreadPoolExecutor(self.parallel) as pool:
            try:
                for run, waiting in self.ended(pool, bar):
                    failed += [] if run.is_finished else [run]
                    to_do = sum(1 - other.progress for other in self.runs if other not in failed)
                    left = time_left(time.monotonic() - started, self.done() - before, to_do)
                    tqdm.write(f"{run.name}: {self.outcome(run)}; {waiting} runs and {left} left")
            except KeyboardInterrupt:  # end the processes at work only, start no other
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return failed

    def ended(self, pool: Executor, bar: tqdm) -> Iterator[tuple[BundleRun, int]]:
        """Yield each run when it has ended, with the number of those that have not."""
        futures = {pool.submit(run): run for run in self.runs if not run.is_finished}
        waiting: set[Future[bool]] = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            bar.n = round(self.done(), 2)
            bar.refresh()
            for future in done:
                if error := future.exception():
                    tqdm.write(f"{futures[future].name}: {error}")
                yield futures[future], len(waiting)

    def bar(self) -> tqdm:
        """Return the bar over all runs."""
        form = "{percentage:3.0f}%|{bar}| {n:.1f}/{total} runs [{elapsed}<{remaining}]"
        return tqdm(total=len(self.runs), initial=self.done(), bar_format=form, disable=not sys.stderr.isatty())

    def done(self) -> float:
        """Return how many runs are done, counting parts."""
        return sum(run.progress for run in self.runs)

    @staticmethod
    def outcome(run: BundleRun) -> str:
        """Return how a run ended."""
        return "done" if run.is_finished else f"FAILED, its last words are in {run.log}"


def time_left(seconds: float, done: float, to_do: float) -> str:
    """Return the time that the rest will take at the rate so far, as far as there is a rate."""
    return str(timedelta(seconds=round(seconds / done * to_do))) if done > 0 else "an unknown time"
