"""Python processes of their own: for peak memory, for cold starts, for a thread each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def start(arguments: Sequence[str], threads: int, **environment: str) -> subprocess.Popen[str]:
    """Start Python in the project's folder with so many threads; it finds `bundle` and `benchmarks`."""
    places = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
    settings = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "PYTHONPATH": places}
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **settings, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait and return what was printed.

    Raises:
        RuntimeError: the process failed; with its last words.
    """
    printed, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} failed:\n{(printed + errors)[-3000:]}")
    return printed


def answer(module: str, arguments: dict[str, Any], threads: int = 1) -> dict[str, Any]:
    """Run `python -m benchmarks.<module>` and return the JSON of its last line."""
    return json.loads(finish(ask(module, arguments, threads)).splitlines()[-1])


def ask(module: str, arguments: dict[str, Any], threads: int = 1, **environment: str) -> subprocess.Popen[str]:
    """Start `python -m benchmarks.<module>` with JSON as its only argument."""
    return start(["-m", f"benchmarks.{module}", json.dumps(arguments)], threads, **environment)
