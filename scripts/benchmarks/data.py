"""Speed of slices from the store, the per-epoch loader and MONAI's caches; cost of ingestion."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.epoch_loader import BATCH, epoch_of_cases, epoch_of_loader, monai_datasets
from benchmarks.figure import Figure
from benchmarks.scale import Scale
from benchmarks.timings import Timings, timed
from benchmarks.volumes import write_volumes
from bundle.data import SliceDataLoader, SliceDataset, check_case
from bundle.transforms import SliceTransform, SliceVolumed


def measure(scale: Scale, folder: Path) -> list[Figure]:
    """Return the figures of the data path, one process and one thread."""
    torch.set_num_threads(1)
    items = write_volumes(folder / "volumes", scale.cases, scale.side, scale.depth)
    return [*reading(items, scale, folder), ingestion(items, scale, folder)]


def reading(items: Sequence[dict[str, Any]], scale: Scale, folder: Path) -> list[Figure]:
    """Compare epochs over the same slices."""
    dataset = open_store(items, scale, folder / "store")
    fetched_share = bytes_read(items, scale, folder / "store")
    loaders = {order: SliceDataLoader(dataset, order, BATCH) for order in ("shuffle", "scan")}
    caches = monai_datasets(items, scale.image_size, folder / "persistent")
    actions: dict[str, Callable[[], object]] = {
        "loader": partial(epoch_of_loader, items, scale.image_size),
        "store": partial(epoch_of_store, loaders["shuffle"]),
        "store_in_scan_order": partial(epoch_of_store, loaders["scan"]),
        "sequential_read": partial(read_files, folder / "store"),
        **{name: partial(epoch_of_cases, cache) for name, cache in caches.items()},
    }
    times = Timings.interleaved(actions, scale.repetitions)
    speed = len(dataset) / times.median("store")
    low, high = (len(dataset) / times.quartiles("store")[place] for place in (1, 0))
    others = {f"{name}_over_store": times.ratio(name, "store") for name in caches}
    details = {"slices": len(dataset), "others": others, "bytes_read_over_stored": fetched_share}
    return [
        times.figure("store_over_loader", "loader", "store", **details).with_floor(
            times.ratio("loader", "sequential_read")
        ),
        Figure(
            "store_slices_per_second",
            speed,
            low,
            high,
            len(dataset) / times.median("sequential_read"),
            {"batch": BATCH, "dtype": "float16", "workers": 0},
        ),
    ]


def ingestion(items: Sequence[dict[str, Any]], scale: Scale, folder: Path) -> Figure:
    """Compare filling the store once, checks included, with one epoch of the loader."""
    fill = partial(fill_store, items, scale, folder / "ingested")
    actions: dict[str, Callable[[], object]] = {
        "loader": partial(epoch_of_loader, items, scale.image_size),
        "in_this_process": partial(fill, 0),
        "without_checks": partial(fill, 0, check=None),
        "sequential_read": partial(read_files, folder / "volumes"),
    }
    times = Timings.interleaved(actions, scale.repetitions)
    # a worker process starts Python and MONAI first, once per data set and not per case
    counts = range(1, scale.workers + 1)
    workers = Timings.interleaved({f"{count}_workers": partial(fill, count) for count in counts}, 1)
    details = {"without_checks": times.ratio("without_checks", "loader"), "workers": workers.summary()}
    return times.figure("ingest_over_loader_epoch", "in_this_process", "loader", floor="sequential_read", **details)


def open_store(
    items: Sequence[dict[str, Any]], scale: Scale, folder: Path, workers: int = 0, check: Any = check_case
) -> SliceDataset:
    """Return the slices of the volumes as `configs/train.json` makes them."""
    transform = SliceVolumed(SliceTransform(scale.image_size))
    return SliceDataset(items, transform, folder, num_workers=workers, check=check)


def fill_store(
    items: Sequence[dict[str, Any]], scale: Scale, folder: Path, workers: int, check: Any = check_case
) -> float:
    """Ingest into an empty folder; return the seconds without those of emptying it."""
    shutil.rmtree(folder, ignore_errors=True)
    return timed(partial(open_store, items, scale, folder, workers, check))


def epoch_of_store(loader: SliceDataLoader) -> None:
    """Take every batch of an epoch."""
    for batch in loader:
        batch["image"]


def read_files(folder: Path, name: str = "*") -> int:
    """Read files below a folder from one end to the other into one buffer; return how many bytes."""
    buffer, total = bytearray(1 << 20), 0
    for path in sorted(path for path in folder.rglob(name) if path.is_file()):
        with path.open("rb", buffering=0) as stream:
            while count := stream.readinto(buffer):
                total += count
    return total


def bytes_read(items: Sequence[dict[str, Any]], scale: Scale, folder: Path) -> dict[str, float] | None:
    """Return bytes that an epoch fetches from the disk over bytes stored, with the store out of the page cache."""
    counter = Path("/proc/self/io")
    if not counter.exists():
        return None
    found = {}
    for order in ("shuffle", "scan"):
        # opened anew, because what is mapped stays in the cache
        loader = SliceDataLoader(open_store(items, scale, folder), order, BATCH)
        files = [path for path in folder.rglob("*.npy") if path.is_file()]
        for path in files:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        before = fetched(counter)
        epoch_of_store(loader)
        found[order] = (fetched(counter) - before) / sum(path.stat().st_size for path in files)
    return found


def fetched(counter: Path) -> int:
    """Return the bytes that this process made the disk read so far."""
    return int(counter.read_text().split("read_bytes:")[1].split()[0])
