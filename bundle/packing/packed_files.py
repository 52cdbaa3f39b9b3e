"""Files of an archive: the model with what runs and explains it, without the workshop around it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bundle.files import bundle_root

CARD = "docs/README.md"
FOLDERS = ("bundle", "configs", "docs", "scripts")
LICENSE = "LICENSE"
_PACKAGE = Path(__file__).parents[1]
_WORKSHOP = (
    *("bundle/experiments", "bundle/phantoms", "configs/experiments", "docs/results"),
    *("bundle/gate", "bundle/console"),
    *("scripts/benchmarks", "scripts/measure_house.py"),
)
"""Rooms that make experiments, measure or judge a bundle; scripts that import them are left out too."""
_WORKSHOP_PAGES = (
    "first-run.md",
    *("run-experiments.md", "search-weights.md", "experiments.md"),
    *("findings.md", "scaling.md", "speed.md"),
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s#]+)(#[^)]*)?\)")
"""Markdown link or image: text, target, anchor."""


def bundle_files(root: Path | None = None) -> dict[str, bytes]:
    """Return name below `root` -> content of what is packed.

    Left out are caches and hidden files, the workshop's rooms and pages, scripts that import one of these rooms, and
    pictures that no packed page shows. A link in a packed page to a file that is not packed becomes plain text.

    Args:
        root: folder of the repository, or of an unpacked bundle; None takes the one that is running.

    Raises:
        ValueError: a part is missing.

    Example:
        >>> files = bundle_files(Path(__file__).parents[2])
        >>> "configs/train.json" in files, "scripts/pack_bundle.py" in files, "scripts/run_demo.py" in files
        (True, True, False)
    """
    root = root or bundle_root()
    places = {name: root / name for name in (*FOLDERS, LICENSE)}
    if not places["bundle"].exists():  # an installed wheel
        places["bundle"] = _PACKAGE
    missing = [name for name, place in places.items() if not place.exists()]
    if missing:
        raise ValueError(f"{root} must hold {', '.join((*FOLDERS, LICENSE))}, got no {', '.join(missing)}.")
    found = {
        f"{folder}/{path.relative_to(places[folder]).as_posix()}": path
        for folder in FOLDERS
        for path in sorted(places[folder].rglob("*"))
        if path.is_file()
    }
    found[LICENSE] = places[LICENSE]
    files = {name: path.read_bytes() for name, path in found.items() if not _is_left_out(name)}
    files = {name: data for name, data in files.items() if not (_is_script(name) and _needs_workshop(data))}
    pages = {name: data.decode() for name, data in files.items() if name.endswith(".md")}
    shown = {target for name, page in pages.items() for target in linked_files(name, page)}
    files = {name: data for name, data in files.items() if not _is_picture(name) or name in shown}
    return files | {name: _with_packed_links(name, page, files).encode() for name, page in pages.items()}


def linked_files(name: str, page: str) -> Iterator[str]:
    """Yield the files that a Markdown page links to, as names below the root; addresses are left out.

    Example:
        >>> list(linked_files("docs/README.md", "[a](knobs.md#map) ![b](images/b.png) [c](https://example.org)"))
        ['docs/knobs.md', 'docs/images/b.png']
    """
    for _, target, _ in _LINK.findall(page):
        if "://" not in target and not target.startswith("mailto:"):
            yield _resolved(name, target)


def _with_packed_links(name: str, page: str, files: Mapping[str, bytes]) -> str:
    """Return a page whose links to files that are not packed are their text alone."""

    def link(found: re.Match[str]) -> str:
        target = found[2]
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        linked = _resolved(name, target)
        is_packed = linked in files or any(file.startswith(f"{linked}/") for file in files)
        return found[0] if is_packed else found[1]

    return _LINK.sub(link, page)


def _resolved(name: str, target: str) -> str:
    return os.path.normpath(PurePosixPath(name).parent / target).replace(os.sep, "/")


def _is_left_out(name: str) -> bool:
    """Return whether a file is hidden or a cache, or belongs to the workshop."""
    parts = PurePosixPath(name).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    is_page = parts[0] == "docs" and parts[-1] in _WORKSHOP_PAGES
    return hidden or is_page or any(name.startswith(f"{room}/") for room in _WORKSHOP)


def _is_script(name: str) -> bool:
    return name.startswith("scripts/") and name.endswith(".py")


def _is_picture(name: str) -> bool:
    return name.startswith("docs/") and not name.endswith((".md", ".json", ".csv"))


def _needs_workshop(script: bytes) -> bool:
    """Return whether a script imports a room of the workshop; `scripts` itself is on its path."""
    rooms = {room.removeprefix("scripts/").replace("/", ".") for room in _WORKSHOP}
    return any(f"{module}.".startswith(f"{room}.") for module in _imported(ast.parse(script)) for room in rooms)


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
