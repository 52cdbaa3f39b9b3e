"""Config files of a bundle: every entry is looked at as MONAI would read it, and none is made or run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import yaml

from bundle.gate.expressions import imported, objections
from bundle.gate.finding import Finding
from bundle.gate.policy import Policy
from bundle.packing import names_place

_SUFFIXES = (".json", ".yaml", ".yml")
_DEEPEST, _MOST = 50, 50_000
_FILES = ("config_file", "+config_file", "meta_file", "logging_file", "args_file")
"""Arguments of `monai.bundle run` that name files."""
_REVIEW = "read it, and remove it or add it to the policy"


@dataclass
class Configs:
    """Look at the config files of an archive.

    Args:
        files: name -> content.
        policy: what they may hold.
        rooms: module of the packed code -> names in its `__all__`.

    Example:
        >>> files = {"configs/a.yaml": b"run: ['$open(1)']", "configs/b.json": b'{"net#_target_": "os.system"}'}
        >>> for finding in Configs(files, Policy.read()).findings():
        ...     print(finding.file, finding.place, finding.got)
        configs/a.yaml run#0 $open(1), which has name open
        configs/b.json net#_target_ os.system
    """

    files: Mapping[str, bytes]
    policy: Policy
    rooms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    targets: set[str] = field(default_factory=set, init=False)
    expressions: dict[str, str] = field(default_factory=dict, init=False)

    def findings(self) -> list[Finding]:
        """Return what is refused; `targets` and `expressions` (text -> a place) list what was seen."""
        return [
            finding
            for name, data in self.files.items()
            if PurePosixPath(name).suffix.lower() in _SUFFIXES and not name.startswith("bundle/")  # tables of the code
            for finding in self._of_file(name, data)
        ]

    def _of_file(self, file: str, data: bytes) -> Iterator[Finding]:
        try:
            content = _read(file, data)
            entries = list(_entries(content))
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            yield Finding(file, "", "be one plain JSON or YAML", " ".join(str(error).split()), "correct the file")
            return
        for place, value in entries:
            yield from (Finding(file, place, *rest) for rest in self._of_entry(file, place, value))

    def _of_entry(self, file: str, place: str, value: Any) -> Iterator[tuple[str, Any, str]]:
        name = place.rpartition("#")[2].lstrip("+")
        if name == "_target_":
            yield from self._of_target(value)
        if name == "_debug_":
            yield "be absent, as it opens a debugger", value, "remove it"
        if name in self.policy.values and value not in _exact(self.policy.values[name], value):
            yield f"be one of {self.policy.values[name]}", value, _REVIEW
        if place in _FILES:
            yield from self._names_files(value)
        if isinstance(value, str):
            yield from self._of_text(f"{file}#{place}", value)

    def _of_target(self, value: Any) -> Iterator[tuple[str, Any, str]]:
        self.targets.add(str(value))
        if not isinstance(value, str) or not self.policy.permits(value, self.rooms):
            yield "name a target of the policy", value, _REVIEW

    def _names_files(self, value: Any) -> Iterator[tuple[str, Any, str]]:
        names = value if isinstance(value, list) else str(value).split(",")
        if absent := [name for name in names if name not in self.files]:
            yield "name files of this bundle", absent[0], "give their names below the bundle's folder"

    def _of_text(self, where: str, text: str) -> Iterator[tuple[str, Any, str]]:
        if "://" in text:
            if not any(where == known or where.startswith(f"{known}#") for known in self.policy.addresses):
                yield "name no address on the net, as nothing is downloaded", text, "put the file into the bundle"
        elif names_place(text) or ".." in PurePosixPath(text.replace("\\", "/")).parts or text.startswith("~"):
            yield "name no place outside the bundle", text, "write it relative to @bundle_root or @dataset_dir"
        if text.startswith("%"):
            yield "hold its content itself, not a macro that copies from elsewhere", text, "write the content there"
        if text.startswith("$"):
            yield from self._of_expression(where, text)

    def _of_expression(self, where: str, text: str) -> Iterator[tuple[str, Any, str]]:
        self.expressions.setdefault(text, where)
        module = imported(text)
        if module is not None:
            if module not in self.policy.imports:
                yield "import a module of the policy", text, _REVIEW
        elif found := objections(text, self.policy):
            yield "be built of what the policy allows", f"{text}, which has {', '.join(found)}", _REVIEW


def _exact(allowed: list[Any], value: Any) -> list[Any]:
    """Return the permitted values of the type of this one: 0 is not false."""
    return [one for one in allowed if type(one) is type(value)]


def _read(file: str, data: bytes) -> Any:
    """Return the content of a file as MONAI's parser reads it, but that a name may stand once in an object."""
    text = data.decode()
    if file.lower().endswith(".json"):
        return json.loads(text, object_pairs_hook=_once)
    return yaml.load(text, _Loader)


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{name!r} must stand once in an object, got it twice: remove one.")
    return content


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        _once([(str(self.construct_object(key, deep=True)), None) for key, _ in node.value])
        return super().construct_mapping(node, deep)


def _entries(content: Any, place: str = "", depth: int = 0, left: list[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield id, with # between its parts, and value of everything in a config; it may neither be deep nor endless."""
    left = [_MOST] if left is None else left
    left[0] -= 1
    if depth > _DEEPEST or left[0] < 0:
        raise ValueError(f"it must have up to {_DEEPEST} levels and {_MOST} entries, got more: do not load it.")
    yield place, content
    if isinstance(content, dict):
        pairs = [(str(key).replace("::", "#"), value) for key, value in content.items()]
    else:
        parts = content if isinstance(content, list | tuple | set) else ()
        pairs = [(str(number), value) for number, value in enumerate(parts)]
    for key, value in pairs:
        yield from _entries(value, f"{place}#{key}" if place else key, depth + 1, left)
