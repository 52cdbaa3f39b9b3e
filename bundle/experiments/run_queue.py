"""Many runs, some at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta

from tqdm import tqdm

from bundle.experiments.bundle_run import BundleRun


class RunQueue:
    """Runs what is not finished yet, `parallel` processes at a time, and reports what failed without stopping.

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
        open_runs = [run for run in self.runs if not run.is_finished]
        started, failed = time.monotonic(), []
        bar = tqdm(total=len(self.runs), initial=len(self.runs) - len(open_runs), unit="run", disable=not is_terminal())
        with bar, ThreadPoolExecutor(self.parallel) as pool:
            futures = {pool.submit(run): run for run in open_runs}
            for done, future in enumerate(as_completed(futures), start=1):
                run = futures[future]
                if not future.result():
                    failed.append(run)
                bar.update()
                left = (time.monotonic() - started) / done * (len(open_runs) - done)
                state = f"failed, see {run.log}" if run in failed else "done"
                tqdm.write(f"{run.name}: {state}; {len(open_runs) - done} runs, {timedelta(seconds=round(left))} left")
        return failed


def is_terminal() -> bool:
    """Return whether somebody watches."""
    return sys.stderr.isatty()
