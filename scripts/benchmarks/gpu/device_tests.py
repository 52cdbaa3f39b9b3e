"""The tests that need a device."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.setting import Row, Setting
from benchmarks.subprocesses import ROOT


class Outcomes:
    """Plugin of pytest that counts outcomes and keeps the last words of failures."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a test when it was called, or when its set-up failed or skipped it."""
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1
        if report.failed:
            self.failures[report.nodeid] = str(report.longrepr).strip().splitlines()[-1]


def measure(setting: Setting) -> Iterator[Row]:
    """Run `tests/gpu` and yield what came out, every failure by its name; quick leaves out whole runs."""
    import pytest

    os.environ["GPU_CHECK_DEVICE"] = setting.device
    outcomes = Outcomes()
    chosen = ["-m", "gpu and not slow"] if setting.quick else []
    folder = str(ROOT / "tests/gpu")
    pytest.main([folder, *chosen, "--rootdir", str(ROOT), "-p", "no:cacheprovider", "--tb=short"], [outcomes])
    for outcome in ("passed", "failed", "skipped"):
        yield Row(f"tests that {outcome}", outcomes.counts[outcome])
    for name, words in outcomes.failures.items():
        yield Row(f"failed: {name.removeprefix('tests/gpu/')}", words)
