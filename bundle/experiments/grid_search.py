"""Every combination of a grid."""

from __future__ import annotations

from bundle.experiments.bundle_run import BundleRun
from bundle.experiments.run_queue import RunQueue
from bundle.experiments.search import Search


def grid_search(search: Search, parallel: int = 2) -> list[BundleRun]:
    """Train every combination that is not trained yet, and return the trials that failed.

    Args:
        search: whose knobs are lists of values.
        parallel: processes at a time, one thread each.

    Raises:
        ValueError: a knob is a range; a trial of the search was started with other settings.
    """
    search.tried()
    return RunQueue(search.grid(), parallel)()
