"""A misspelled override fails, with the nearest known name; so does a file that would undo those before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from monai.bundle import ConfigParser

from bundle.workflow.command_line import TRACKING_ARGUMENTS, CommandLine, plain_id
from bundle.workflow.knobs import BASES, CONFIGS

_COMPONENT_FIELDS = frozenset({"_target_", "_disabled_", "_requires_", "_desc_", "_mode_"})

_WHOLE_CONFIG = frozenset({"run", "network_def"})
"""Entries of a config that stands for itself: train.json, inference.json, the record of a run."""
_REPLACED = frozenset({"initialize", "run", "finalize", "imports"})
"""Entries that a later base config is there to replace."""


class _Known(NamedTuple):
    """Ids of configs, and those of them that have a `_target_`."""

    ids: set[str]
    components: set[str]

    @classmethod
    def of(cls, contents: Sequence[Any]) -> _Known:
        """Gather the ids of several configs."""
        return cls(*({id_ for content in contents for id_ in ids(content, components_only=c)} for c in (False, True)))


def override_problems(command_line: CommandLine) -> Iterator[str]:
    """Yield a sentence for every override that would not do what it says.

    MONAI accepts any id in silence, so a misspelled knob trains with the default. An option must be an id of the given
    files. An overlay may also change ids of the other base configs, beside the first file or of this bundle, so that an
    overlay of training serves inference too, and a run's record is evaluated by
    `['RUN/config.json','configs/evaluate.json']`. Also allowed: `_meta_`, the arguments of `run`, MLflow's keys,
    `_disabled_` and its kind, new arguments below a `_target_`, and appends to a known id with `+` in a file; on the
    command line MONAI would replace instead. `--id None` is refused, because MONAI leaves it out in silence; in a file
    `null` counts.

    Args:
        command_line: files and overrides of the run.
    """
    for name in command_line.left_out:
        yield f"--{name} None would change nothing, MONAI leaves it out: write `{name}: null` into an overlay."
    first, *later = command_line.files
    # the bundle's own configs serve a first file that lies elsewhere, such as a run's config.json
    beside = [str(folder / name) for folder in (Path(first).parent, CONFIGS) for name in BASES]
    base = [first, *(file for file in beside if Path(file).exists())]
    contents = {file: _load(file) for file in base}
    anywhere, given = _Known.of(list(contents.values())), _Known.of([replace(command_line, overrides={}).merged()])
    for name in command_line.overrides:
        id_, place = plain_id(name), command_line.place_of(name)
        if name.startswith("+"):
            yield f"{place} would replace {name[1:]}, not append: MONAI appends in files only, so use an overlay."
        elif not _is_allowed(id_, given):
            others = [Path(file).name for file in contents if _is_allowed(id_, _Known.of([contents[file]]))]
            yield _known_elsewhere(place, others) if others else unknown_id(place, name, known=given.ids)
    for file in later:
        for name in _load(file) if file not in base else ():
            if not _is_allowed(plain_id(name), anywhere):
                yield unknown_id(f"{file}: {name}", name.lstrip("+"), known=anywhere.ids)


def _is_allowed(name: str, known: _Known) -> bool:
    """Return whether an override of this id means something."""
    parent, _, last = name.rpartition("#")
    return (
        name in known.ids
        or name.split("#")[0] == "_meta_"
        or name in TRACKING_ARGUMENTS
        or (parent in known.ids and last in _COMPONENT_FIELDS)
        or parent in known.components
    )


def _known_elsewhere(place: str, files: Sequence[str]) -> str:
    """Return the error for an id of base configs that this run was not given."""
    known = " and ".join(dict.fromkeys(files))
    return f"{place} is an id of {known}, not of the config files given, so it would change nothing here."


def unknown_id(where: str, name: str, *, known: set[str]) -> str:
    """Return the error for one unknown id, with the nearest name for the first part of it that is wrong.

    Args:
        where: option, file or entry that holds it.
        name: the id.
        known: ids that there are.

    Example:
        >>> print(unknown_id("--sede", "sede", known={"seed"}))
        --sede is not an id of the base configs, so it would change nothing; did you mean 'seed'?
    """
    parts = name.split("#")
    right = max(k for k in range(len(parts)) if k == 0 or "#".join(parts[:k]) in known)
    depth = {id_ for id_ in known if id_.count("#") == right and id_.split("#")[:right] == parts[:right]}
    nearest = get_close_matches("#".join(parts[: right + 1]), depth, n=1, cutoff=0.5)
    hint = f"did you mean '{nearest[0]}'?" if nearest else "the base configs list all knobs at their top."
    return f"{where} is not an id of the base configs, so it would change nothing; {hint}"


def order_problems(files: tuple[str, ...]) -> Iterator[str]:
    """Yield a sentence for every file that would silently override the overlays before it, or add its steps again.

    `evaluate.json` and `multi_gpu_train.json` may follow overlays, as long as these set nothing that they set too. An
    overlay may come twice if it only sets entries.

    Args:
        files: config files in the order that they are given.
    """
    contents = {file: ConfigParser.load_config_file(file) for file in files if Path(file).is_file()}
    for number, file in enumerate(files[1:], start=1):
        content, before = contents.get(file, {}), files[1:number]
        is_again = Path(file).resolve() in {Path(other).resolve() for other in before}
        if is_again and any(name.startswith("+") for name in content):
            yield f"{file} must be given once, got it twice: the steps that it adds would be done twice; remove one."
        if content.keys() >= _WHOLE_CONFIG:
            yield (
                f"{file} must be the first config file, got it after {', '.join(files[:number])}, which it would "
                f"override: {_right_order(file, files, contents)}."
            )
        elif Path(file).name in BASES:
            lost = {name: other for other in before for name in _common(contents.get(other, {}), content)}
            for name, other in lost.items():
                yield (
                    f"{other} must stand behind {file}, got it before, where its {name} is overridden: "
                    "change their order in --config_file."
                )


def _right_order(file: str, files: tuple[str, ...], contents: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what to write instead of files that have a whole config behind others."""
    if contents.get(files[0], {}).keys() >= _WHOLE_CONFIG:
        return f"give either {files[0]} or {file}"
    return f'write --config_file "{[file, *(other for other in files if other != file)]}"'


def _common(overlay: Mapping[str, Any], base: Mapping[str, Any]) -> list[str]:
    """Return the ids of an overlay whose entry a later base config replaces."""
    set_there = {plain_id(name) for name in base if not name.startswith("+")} - _REPLACED  # + only adds
    return [name for name in overlay if any(_covers(id_, plain_id(name)) for id_ in set_there)]


def _covers(id_: str, other: str) -> bool:
    return other == id_ or other.startswith(f"{id_}#")


def ids(content: Any, prefix: str = "", *, components_only: bool = False) -> Iterator[str]:
    """Yield the ids of a config, `a` and `a#b#0`, or only those that have a `_target_`."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    if prefix and (not components_only or (isinstance(content, dict) and "_target_" in content)):
        yield prefix
    for key, value in items:
        yield from ids(value, f"{prefix}#{key}" if prefix else str(key), components_only=components_only)


def _load(file: str) -> dict[str, Any]:
    """Return the content of a config file."""
    content: dict[str, Any] = ConfigParser.load_config_file(file)
    return content
