"""Growth with the data set, cost of a start, gain of a second process."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from benchmarks.data import read_files
from benchmarks.figure import Figure
from benchmarks.many_cases import items_of, same_slices, write_cases
from benchmarks.scale import Scale
from benchmarks.subprocesses import answer, ask, finish, start
from benchmarks.timings import Timings, quartiles, timed
from benchmarks.tiny_runs import arguments, fill_store, phantoms
from bundle.data import SliceDataset

PORT = "29517"


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Return the figures of growth, start and processes."""
    return [index(scale, folder / "index"), cold_start(scale, folder / "start"), two_processes(scale)]


def index(scale: Scale, folder: Path) -> Figure:
    """Time opening a store that is ready, and what the index keeps in memory, for 1%, 10% and all of the cases."""
    write_cases(folder, scale.many_cases)
    SliceDataset(items_of(folder), same_slices, folder / "store", num_workers=0)
    counts = sorted({max(1, scale.many_cases // share) for share in (100, 10, 1)})
    opened = {
        count: [answer("open_index", {"folder": str(folder), "cases": count}) for _ in range(scale.repetitions)]
        for count in counts
    }
    seconds = [one["seconds"] for one in opened[scale.many_cases]]
    megabytes = {count: statistics.median(one["megabytes"] for one in opened[count]) for count in counts}
    floor = timed(partial(read_files, folder / "store", "meta.json"))
    low, high = quartiles(seconds)
    details = {"cases": scale.many_cases, "megabytes_of_index": megabytes, "slices": opened[counts[-1]][0]["slices"]}
    return Figure("open_10000_cases_seconds", statistics.median(seconds), low, high, floor, details)


def cold_start(scale: Scale, folder: Path) -> Figure:
    """Compare `monai.bundle run` until its first step has ended with the import of MONAI's command line."""
    data = phantoms(folder, cases=scale.cases)
    fill_store(data)
    probe = folder / "probe.json"
    probe.write_text(json.dumps({"+train#handlers": [{"_target_": "benchmarks.first_step.FirstStep"}]}))
    actions: dict[str, Callable[[], object]] = {
        "import": lambda: finish(start(["-c", "import monai.bundle"], threads=1)),
        "run": lambda: finish(start(arguments(data, folder / "run", [probe]), threads=1)),
    }
    times = Timings.interleaved(actions, scale.repetitions)
    return times.figure("cold_start_over_import", "run", "import", floor="import")


def two_processes(scale: Scale) -> Figure:
    """Compare slices/s of two processes that train together with those of two that train alone, side by side."""
    asked = {**asdict(scale), "turns": scale.repetitions}
    environment = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": PORT, "WORLD_SIZE": "2"}
    ranks = [ask("two_ranks", asked, threads=1, RANK=str(rank), **environment) for rank in range(2)]
    tapes = [json.loads(finish(rank).splitlines()[-1]) for rank in ranks]
    # a turn is over when the slower process is
    seconds = {name: [max(pair) for pair in zip(*(tape[name] for tape in tapes), strict=True)] for name in tapes[0]}
    return Timings(seconds).figure(
        "two_processes_over_ceiling", "alone", "together", floor="together", batch_per_process=scale.batch_size
    )
