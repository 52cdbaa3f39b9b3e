"""One part of the check in this process: `python -m benchmarks.gpu.part NAME '{"device": "cuda"}'`.

A part has a process of its own, because an error of CUDA ends whatever shares its process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator

from benchmarks.gpu import delivery, device_tests, machine, run, steps, table, volume
from benchmarks.gpu.setting import Row, Setting

SIGN = "row: "
"""Begins the line of a row among all else that is printed."""
PARTS: dict[str, Callable[[Setting], Iterator[Row]]] = {
    "machine": machine.measure,
    "tests": device_tests.measure,
    "steps": steps.eager,
    "run": run.measure,
    "delivery": delivery.measure,
    "volume": volume.measure,
    "compiled": steps.compiled,
    "table": table.measure,
}


def main(name: str, setting: str) -> None:
    """Print every row as soon as it is known."""
    for row in PARTS[name](Setting(**json.loads(setting))):
        print(SIGN + json.dumps(row._asdict()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
