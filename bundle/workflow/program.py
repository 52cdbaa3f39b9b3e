"""The config of a run that a program started by MONAI's `ConfigWorkflow`, and what in it would change nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser, ConfigWorkflow, ReferenceResolver

from bundle.files import as_json_values
from bundle.workflow.command_line import TRACKING_ARGUMENTS, plain_id
from bundle.workflow.compare import as_recorded
from bundle.workflow.knobs import BASES, CONFIGS
from bundle.workflow.override_guard import unknown_id


def running_workflow() -> ConfigWorkflow | None:
    """Return the workflow that calls, directly or through others, None where there is none.

    MONAI gives a component neither its workflow nor the overrides that a program set, so the callers are searched.
    """
    frame = sys._getframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, ConfigWorkflow):
            return owner
        frame = frame.f_back  # type: ignore[assignment]
    return None


def running_config() -> dict[str, Any]:
    """Return the merged config of the workflow that calls, references unresolved, as `config.json` holds it.

    Example:
        >>> running_config()
        {}
    """
    workflow = running_workflow()
    content = {} if workflow is None else workflow.parser.get()
    return as_recorded(as_json_values({name: value for name, value in content.items() if name != "_meta_"}))


def program_problems(config: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield a sentence for every entry that neither a base config has nor another entry refers to.

    Overrides are part of the config by now, so they cannot be told from an overlay: an entry of either may be new if
    something uses it. Arguments below a `_target_` are left to the component.

    Args:
        config: merged.
        folder: of the config files; base configs are sought there and in this bundle.

    Example:
        >>> list(program_problems({"seed": 3, "twice": 2, "max_epochs": "$@twice"}, CONFIGS))
        []
        >>> print(*program_problems({"sede": 3}, CONFIGS))
        sede is not an id of the base configs, so it would change nothing; did you mean 'seed'?
    """
    files = [place / name for place in (folder, CONFIGS) for name in BASES]
    known = {id_ for file in files if file.is_file() for id_ in _groups(ConfigParser.load_config_file(file))}
    for id_ in _groups(config):
        parent = id_.rpartition("#")[0]
        if id_ not in known and (not parent or parent in known) and not _is_used(id_, config):
            yield unknown_id(id_, id_, known=known)


def _groups(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the ids of a config down to components and lists."""
    for key, value in content.items():
        yield prefix + str(key)
        if isinstance(value, dict) and "_target_" not in value:
            yield from _groups(value, f"{prefix}{key}#")


def _is_used(id_: str, config: Mapping[str, Any]) -> bool:
    return id_.startswith("_") or id_ in TRACKING_ARGUMENTS or any(_covers(found, id_) for found in _references(config))


def _references(content: Any) -> Iterator[str]:
    """Yield every id that a part of a config refers to."""
    if isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _references(part)
    elif isinstance(content, str):
        yield from map(plain_id, ReferenceResolver.match_refs_pattern(content))


def _covers(reference: str, id_: str) -> bool:
    return f"{reference}#".startswith(f"{id_}#") or f"{id_}#".startswith(f"{reference}#")
