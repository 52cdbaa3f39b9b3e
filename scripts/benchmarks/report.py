"""The files that a benchmark leaves."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import monai
import torch

from benchmarks.figure import Figure
from benchmarks.scale import Scale
from benchmarks.targets import TARGETS


def write_report(output: Path, figures: Sequence[Figure], scale: Scale) -> None:
    """Write the JSON file and beside it the same figures as a Markdown table, `<output>.md`."""
    content = {
        "ratios": {figure.key: figure.value for figure in figures},
        "details": {
            figure.key: {"quartiles": [figure.low, figure.high], "floor": figure.floor, **figure.details}
            for figure in figures
        },
        "machine": machine(),
        "scale": asdict(scale),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    output.with_suffix(".md").write_text(table(figures), encoding="utf-8")


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    rows = ["| what | key | target | median | quartiles | floor | |", "|---|---|---|---|---|---|---|"]
    for figure in figures:
        target = TARGETS[figure.key]
        spread = f"{number(figure.low)} .. {number(figure.high)}"
        floor = "" if figure.floor is None else number(figure.floor)
        met = "met" if target.met(figure.value) else "missed"
        cells = (target.what, f"`{figure.key}`", target.text(), number(figure.value), spread, floor, met)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def number(value: float) -> str:
    """Return three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """Return what the figures were taken on, and how busy it was."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "monai": monai.__version__,
    }
