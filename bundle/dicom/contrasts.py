"""Contrasts of a study: which of its stacks is which channel, told by a table of rules."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydicom import dcmread
from pydicom.dataset import Dataset

from bundle.volumes.dicom_series import Stack
from bundle.volumes.problem import FileProblem, Problem

RULES = Path(__file__).with_name("contrasts.yaml")
"""Rules for MR of the brain."""
_NUMBERS = {
    "echo_time": ("EchoTime", "EffectiveEchoTime"),
    "repetition_time": ("RepetitionTime",),
    "inversion_time": ("InversionTime", "InversionTimes"),
}
_KEYS = {*_NUMBERS, "contrast_agent", "description"}
_TAGS = [
    *(keyword for keywords in _NUMBERS.values() for keyword in keywords),
    *("ContrastBolusAgent", "SeriesDescription", "ProtocolName", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence",),
]


class Channel(NamedTuple):
    """A stack that a rule takes for a contrast.

    Args:
        name: of the contrast.
        stack: that it is.
        rule: that matched, as in the table.
    """

    name: str
    stack: Stack
    rule: Mapping[str, Any]


def read_rules(path: str | os.PathLike[str] = RULES) -> dict[str, list[dict[str, Any]]]:
    """Read a table of rules: names of contrasts in the order of the channels, each with a list of rules.

    Args:
        path: YAML file; `RULES` says what a rule may hold.

    Raises:
        ValueError: it is no such table.

    Example:
        >>> list(read_rules())
        ['t1c', 't1', 'flair', 't2']
    """
    rules = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if not isinstance(rules, dict) or not all(isinstance(each, list) for each in rules.values()):
        raise ValueError(f"{path} must hold a list of rules for every contrast, got something else: see {RULES.name}.")
    for rule in (rule for each in rules.values() for rule in each):
        if not isinstance(rule, dict) or not rule or set(rule) - _KEYS:
            raise ValueError(f"{path} must hold rules of {sorted(_KEYS)}, got {rule}: correct it.")
    return rules


def choose_channels(
    stacks: Sequence[Stack], rules: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str] = ()
) -> list[Channel]:
    """Return the stack of each contrast, in the order of the rules.

    Args:
        stacks: of one study.
        rules: see `read_rules`.
        names: contrasts that are needed; by default those that are there.

    Raises:
        FileProblem: two stacks are taken for one contrast, or a contrast that is needed is not there.
    """
    found: dict[str, list[Channel]] = {name: [] for name in rules}
    for stack in stacks:
        if stack.problems or stack.planes[0].modality != "MR" or len(stack.planes) == 1:
            continue
        if (channel := _match(stack, rules)) is not None:
            found[channel.name].append(channel)
    for name in names or [name for name in found if found[name]]:
        channels = found.get(name, [])
        if len(channels) != 1:
            labels = " and ".join(channel.stack.planes[0].label for channel in channels) or "none"
            remedy = "leave one out, or sharpen the rules" if channels else "export it, or add a rule"
            raise FileProblem(Problem(f"contrast {name}", "be one series", labels, remedy))
    return [channel for name, channels in found.items() for channel in channels if not names or name in names]


def _match(stack: Stack, rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> Channel | None:
    """Return the first rule that holds; those with a description come last, for descriptions lie."""
    values = _values(dcmread(stack.planes[0].file, stop_before_pixels=True, specific_tags=_TAGS))
    if stack.planes[0].echo is not None:
        values["echo_time"] = stack.planes[0].echo
    pairs = [(name, rule) for name, each in rules.items() for rule in each]
    for name, rule in sorted(pairs, key=lambda pair: "description" in pair[1]):
        if all(_holds(values[key], wanted) for key, wanted in rule.items()):
            return Channel(name, stack, rule)
    return None


def _values(image: Dataset) -> dict[str, Any]:
    """Return what rules ask of a header; an enhanced one has it in the groups of its first frame."""
    groups = [*(image.get("PerFrameFunctionalGroupsSequence") or ())[:1]]
    groups += image.get("SharedFunctionalGroupsSequence") or ()
    places = [image, *(item for group in groups for element in group if element.VR == "SQ" for item in element.value)]
    values: dict[str, Any] = dict.fromkeys(_NUMBERS)
    for key, keywords in _NUMBERS.items():
        given = [place.get(keyword) for place in places for keyword in keywords if place.get(keyword) is not None]
        if given:
            values[key] = float(given[0] if isinstance(given[0], int | float) else given[0][0])
    values["contrast_agent"] = str(image.get("ContrastBolusAgent") or "").strip(" -").lower() not in ("", "none", "no")
    values["description"] = " ".join(str(image.get(name) or "") for name in ("SeriesDescription", "ProtocolName"))
    return values


def _holds(value: Any, wanted: Any) -> bool:
    if wanted == "none":
        return not value
    if isinstance(wanted, bool):
        return value == wanted
    if isinstance(wanted, str):
        return re.search(wanted, value, re.IGNORECASE) is not None
    return value is not None and wanted[0] <= value <= wanted[1]
