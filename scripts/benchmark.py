"""Measure speed and memory against the obvious alternatives in one run; write JSON and a Markdown table.

Example:
    python scripts/benchmark.py all --output benchmark.json
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import data, epoch, infer, recipe, scaling, step, study
from benchmarks.figure import Figure
from benchmarks.report import table, write_report
from benchmarks.scale import Scale

PARTS: dict[str, Callable[[Scale, Path], list[Figure]]] = {
    "data": data.measure,
    "step": lambda scale, _: step.measure(scale),
    "recipe": lambda scale, _: recipe.measure(scale),
    "epoch": epoch.measure,
    "infer": lambda scale, _: infer.measure(scale),
    "scale": scaling.measure,
    "study": study.measure,
}


def main() -> None:
    """Measure what the command line asks for; figures are written after each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"])
    parser.add_argument("--output", type=Path, required=True, help="JSON file; the table goes beside it as .md")
    parser.add_argument("--quick", action="store_true", help="toy sizes: shows that all runs, its ratios mean nothing")
    for field in fields(Scale):
        parser.add_argument(f"--{field.name}", type=int, help="see scripts/benchmarks/scale.py")
    arguments = parser.parse_args()
    given = {field.name: getattr(arguments, field.name) for field in fields(Scale)}
    scale = replace(Scale.quick() if arguments.quick else Scale(), **{k: v for k, v in given.items() if v is not None})
    figures: list[Figure] = []
    for name in PARTS if arguments.part == "all" else [arguments.part]:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            figures += PARTS[name](scale, Path(folder))
        write_report(arguments.output, figures, scale)
    print(table(figures))


if __name__ == "__main__":
    main()
