"""A process that opens the index of a store and says how long that took and how much memory it needed."""

from __future__ import annotations

import json
import sys
import time

from benchmarks.many_cases import items_of, same_slices
from benchmarks.resident import resident_now, resident_peak
from bundle.data import SliceDataset


def main() -> None:
    """Open the first cases of a store that is ready."""
    asked = json.loads(sys.argv[1])
    items = items_of(asked["folder"])[: asked["cases"]]
    before = resident_now()
    start = time.perf_counter()
    dataset = SliceDataset(items, same_slices, f"{asked['folder']}/store")
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "megabytes": resident_peak() - before, "slices": len(dataset)}))


if __name__ == "__main__":
    main()
