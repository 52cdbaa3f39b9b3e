"""All parts of the check, each in a process of its own and within its time; what is known is written after each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
LIMITS = {
    "machine": 60,
    "tests": 150,
    "steps": 100,
    "run": 120,
    "delivery": 80,
    "volume": 120,
    "compiled": 180,
    "table": 3600,
}
"""Part -> the most seconds that it may take; the first ones matter most."""
LEAST = 15
"""Seconds below which no part is begun."""


class Check:
    """Runs parts and keeps their rows in `<output>/gpu_check.json`, `.md` and, with all that was printed, `.log`.

    Args:
        output: folder of the three files.
        setting: arguments of `Setting` but for its seconds.
        minutes: for all parts together.
    """

    def __init__(self, output: Path, setting: Mapping[str, Any], minutes: float) -> None:
        self.output, self.setting = output, dict(setting)
        self.until = time.monotonic() + 60 * minutes
        self.parts: dict[str, dict[str, Any]] = {}
        output.mkdir(parents=True, exist_ok=True)
        (output / "gpu_check.log").write_text("", encoding="utf-8")

    def run(self, name: str) -> None:
        """Run a part if its time has not run out; whatever happens to it, the others go on."""
        start, left = time.monotonic(), self.until - time.monotonic()
        if left < LEAST:
            self.parts[name] = {"state": "skipped: no time left", "seconds": 0.0, "rows": []}
        else:
            state, rows = self._process(name, min(LIMITS[name], left))
            self.parts[name] = {"state": state, "seconds": round(time.monotonic() - start, 1), "rows": rows}
        self.write()

    def _process(self, name: str, seconds: float) -> tuple[str, list[dict[str, Any]]]:
        """Return how the process of a part ended, and its rows."""
        places = [str(ROOT), str(ROOT / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONUNBUFFERED": "1"}
        asked = json.dumps({**self.setting, "seconds": seconds})
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu.part", name, asked],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=seconds)
            state = "done"
        except subprocess.TimeoutExpired:
            end(process)
            printed, _ = process.communicate()
            state = f"ended after {seconds:.0f} s"
        with (self.output / "gpu_check.log").open("a", encoding="utf-8") as log:
            log.write(f"=== {name}\n{printed}\n")
        lines = printed.splitlines()
        rows = [json.loads(line.removeprefix("row: ")) for line in lines if line.startswith("row: ")]
        if state == "done" and process.returncode:
            last = next((line for line in reversed(lines) if line.strip()), "")
            state = f"failed: {last}" if process.returncode > 0 else f"failed: signal {-process.returncode}"
        return state, rows

    @property
    def problems(self) -> list[str]:
        """What went wrong, one sentence each."""
        wrong = [f"{name} {part['state']}" for name, part in self.parts.items() if part["state"] != "done"]
        tests = [
            row["what"] for part in self.parts.values() for row in part["rows"] if row["what"].startswith("failed: ")
        ]
        return [*wrong, *tests]

    def write(self) -> None:
        """Write what is known so far."""
        content = {"setting": self.setting, "parts": self.parts}
        (self.output / "gpu_check.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        (self.output / "gpu_check.md").write_text(self.table(), encoding="utf-8")

    def table(self) -> str:
        """Return all rows as a Markdown table."""
        lines = ["| part | what | value | unit | note |", "|---|---|---|---|---|"]
        for name, part in self.parts.items():
            rows = [*part["rows"], {"what": "part", "value": part["state"], "unit": "", "note": f"{part['seconds']} s"}]
            for row in rows:
                cells = [name, row["what"], number(row["value"]), row["unit"], row["note"]]
                lines.append(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |")
        return "\n".join(lines) + "\n"


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def number(value: float | str) -> str:
    """Return four significant digits of a number, a word as it is."""
    return value if isinstance(value, str) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
