"""Many runs, some at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait

from tqdm import tqdm

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.process_group import ended_like_ctrl_c
from bundle.experiments.time_left import TimeLeft


class RunQueue:
    """Runs what is not finished yet, `parallel` processes at a time, and reports what failed without stopping.

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
            raise ValueError("every run expects a folder of its own: give the rows of the experiment different names.")
        if parallel < 1:
            raise ValueError(f"parallel expected at least 1 process, got {parallel}.")
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
                    tqdm.write(f"{run.name}: {self.outcome(run)}; {len(waiting)} runs and {self.left(waiting)}")
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
        futures = {pool.submit(self.timed, run): run for run in self.runs if not run.is_finished}
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

    def timed(self, run: BundleRun) -> bool:
        """Run one and note when."""
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
    def outcome(run: BundleRun) -> str:
        """Return how a run ended."""
        return "done" if run.is_finished else f"FAILED, its last words are in {run.log}"
