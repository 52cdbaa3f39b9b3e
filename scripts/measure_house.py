"""Measure the code: files and lines of each room, lengths of function bodies; tests/test_house.py holds the limits.

python scripts/measure_house.py            # this checkout
python scripts/measure_house.py ../other   # another one
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def modules(root: Path = ROOT) -> dict[Path, str]:
    """Return path -> text of every module of `bundle/` but the doors of its rooms."""
    files = sorted(path for path in (root / "bundle").rglob("*.py") if path.name != "__init__.py")
    return {path: path.read_text(encoding="utf-8") for path in files}


def bodies(text: str) -> Iterator[tuple[str, int]]:
    """Yield name and number of lines of every function body, docstring not counted."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def summary(lengths: list[int], lines: list[int]) -> str:
    """Return the numbers as one line."""
    files = f"{len(lines)} files, {sum(lines)} lines, median {statistics.median(lines):g}, longest {max(lines)}"
    small = f"{sum(count < 50 for count in lines)} below 50, {sum(count > 200 for count in lines)} above 200"
    functions = f"{len(lengths)} functions, body median {statistics.median(lengths):g}, longest {max(lengths)}"
    return f"{files}, {small}; {functions}"


def main() -> None:
    """Print one line a room and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=Path, default=ROOT, help="folder that holds bundle/")
    root = parser.parse_args().root
    found = modules(root)
    room_of = {path: path.relative_to(root / "bundle").parts[0] for path in found}
    for room in [*sorted({name for name in room_of.values() if not name.endswith(".py")}), None]:
        texts = [text for path, text in found.items() if room in (None, room_of[path])]
        lengths = [length for text in texts for _, length in bodies(text)]
        print(f"{room or 'all'}: {summary(lengths, [len(text.splitlines()) for text in texts])}")


if __name__ == "__main__":
    main()
