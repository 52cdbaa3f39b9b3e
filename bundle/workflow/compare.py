"""The comparison of a run's record with what is asked for now.

Resume, evaluation and experiments use it and ignore other roles of the table of knobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from monai.bundle import ReferenceResolver

from bundle.files import read_json
from bundle.workflow.command_line import plain_id
from bundle.workflow.knobs import knobs

OLD_NAMES = {"normalise": "normalize"}
"""Ids and arguments in records of version 0.1 -> their names now."""
OLD_TARGETS = {"bundle.transforms.LoadCased": "bundle.transforms.LoadCaseFilesd"}
"""The same for components."""


MISSING = type("Missing", (), {"__repr__": lambda _: "nothing"})()
"""Stands for an argument or an item that one side lacks."""


class Change(NamedTuple):
    """An id and its value in the record and now."""

    id: str
    then: Any
    now: Any


def read_config_record(path: str | Path, known: Iterable[str]) -> dict[str, Any]:
    """Return a run's `config.json` with the names of today, nothing where there is no such file.

    Args:
        path: the file.
        known: ids of today's config.

    Raises:
        ValueError: the file is damaged.
    """
    return with_current_names(read_json(path, {}), known)


def with_current_names(config: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return a config of version 0.1 with ids, arguments and references renamed to those that `known` has.

    Example:
        >>> with_current_names({"normalise": "none", "a": {"normalise": "@normalise"}}, ["normalize"])
        {'normalize': 'none', 'a': {'normalize': '@normalize'}}
    """
    known = set(known)
    renamed = {old: new for old, new in OLD_NAMES.items() if new in known and old not in known}
    content: dict[str, Any] = _renamed(dict(config), renamed)
    return content


def _renamed(content: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(content, dict):
        return {renamed.get(key, key): _renamed(value, renamed) for key, value in content.items()}
    if isinstance(content, list):
        return [_renamed(value, renamed) for value in content]
    if isinstance(content, str):
        return re.sub(r"@(\w+)", lambda found: f"@{renamed.get(found[1], found[1])}", content)
    return content


def as_recorded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a merged config as `config.json` holds it: tuples are lists, odd values are text."""
    content: dict[str, Any] = json.loads(json.dumps(config, default=str))
    return content


@dataclass(frozen=True)
class Comparison:
    """A recorded config beside the one asked for, both with the names of today.

    A value that only points to an entry (`"@load"`) counts as that entry, so that a config that names a part equals one
    that writes it in place. `_desc_` is not compared. What one side does not know at all is newer or older than the
    other and not compared: a top-level entry, or an argument that refers to such an entry.

    Args:
        then: the record.
        now: what is asked for.

    Example:
        >>> then = {"attribution": {"_target_": "EAFEM", "beta": "@beta"}, "beta": 0.85}
        >>> list(Comparison(then, {**then, "beta": 0.5}).changes({"attribution"}, frozenset()))
        [Change(id='beta', then=0.85, now=0.5)]
    """

    then: Mapping[str, Any]
    now: Mapping[str, Any]

    def changes(self, names: Iterable[str], ignored: Iterable[str]) -> Iterator[Change]:
        """Yield what differs in some top-level entries and in all that they refer to, without the ignored ones."""
        known = self.then.keys() & self.now.keys()
        for name in sorted(with_references(names, self.then, ignored) & known):
            yield from self.differences(name)

    def differences(self, id_: str) -> Iterator[Change]:
        """Yield what differs in the part of the configs with this id, as deep as both are the same kind of thing."""
        yield from self._differences(value_of(self.then, id_), value_of(self.now, id_), id_)

    def _differences(self, then: Any, now: Any, id_: str) -> Iterator[Change]:
        if then == now or _is_place(id_) or self._is_unknown_to_a_side(then, now):
            return
        then, now = resolved(then, self.then), resolved(now, self.now)
        if isinstance(then, dict) and isinstance(now, dict) and _target(then) == _target(now):
            for key in dict.fromkeys([*then, *now]):
                if key not in ("_target_", "_desc_"):
                    yield from self._differences(then.get(key, MISSING), now.get(key, MISSING), f"{id_}#{key}")
        elif isinstance(then, list) and isinstance(now, list):
            for number, pair in enumerate(zip_longest(then, now, fillvalue=MISSING)):
                yield from self._differences(*pair, f"{id_}#{number}")
        elif then != now:
            yield Change(id_, then, now)

    def _is_unknown_to_a_side(self, then: Any, now: Any) -> bool:
        if then is MISSING:  # an argument that refers to an entry the record does not have
            return not references(now) <= self.then.keys()
        return now is MISSING and not references(then) <= self.now.keys()


def with_references(names: Iterable[str], config: Mapping[str, Any], ignored: Iterable[str] = ()) -> set[str]:
    """Return the names and all that they refer to, directly or through others, without the ignored ones.

    Example:
        >>> sorted(with_references({"a"}, {"a": "$@b + @c", "b": ["@d"], "c": 1, "d": 2}, ignored={"c"}))
        ['a', 'b', 'd']
    """
    found, ignored = set[str](), set(ignored)
    new = set(names) - ignored
    while new:
        found |= new
        new = set().union(*(references(config.get(name)) for name in new)) - found - ignored
    return found


def references(content: Any) -> set[str]:
    """Return the top-level ids that a part of a config refers to.

    Example:
        >>> sorted(references({"a": "@x", "b": ["$@y#0 + @z::w", "me@example.org"]}))
        ['x', 'y', 'z']
    """
    if isinstance(content, dict | list):
        return set().union(*map(references, content.values() if isinstance(content, dict) else content))
    found = ReferenceResolver.match_refs_pattern(content) if isinstance(content, str) else ()
    return {name.split(ReferenceResolver.sep)[0] for name in found}


def value_of(config: Mapping[str, Any], id_: str) -> Any:
    """Return the part of a config with an id such as `train#trainer#max_epochs`, `MISSING` where there is none."""
    content: Any = config
    for key in plain_id(id_).split("#"):
        if isinstance(content, list) and key.isdigit() and int(key) < len(content):
            content = content[int(key)]
        elif isinstance(content, Mapping) and key in content:
            content = content[key]
        else:
            return MISSING
    return content


def resolved(value: Any, config: Mapping[str, Any]) -> Any:
    """Return what a value that is only a reference points to, another value as it is.

    Example:
        >>> resolved("@a#b", {"a": {"b": "@c"}, "c": 3}), resolved("$@c + 1", {"c": 3})
        (3, '$@c + 1')
    """
    seen = set[str]()
    while isinstance(value, str) and re.fullmatch(r"@[\w#:]+", value) and value not in seen:
        seen.add(value)
        content = value_of(config, value[1:])
        if content is MISSING:
            break
        value = content
    return value


def _target(component: Mapping[str, Any]) -> Any:
    target = component.get("_target_")
    return OLD_TARGETS.get(str(target), target)


def _is_place(id_: str) -> bool:
    name, _, argument = id_.partition("#")
    return name in knobs() and argument in knobs()[name].places
