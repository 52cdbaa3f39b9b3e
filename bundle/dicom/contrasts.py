"""Contrasts of a study: which of its stacks is which channel, told by a table of rules."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydicom.dataset import Dataset

from bundle.volumes.dicom_series import Stack
from bundle.volumes.dicom_series.frame_attributes import texts
from bundle.volumes.dicom_series.open_file import open_dicom
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
    *("SOPClassUID", "ContrastBolusAgent", "ContrastBolusAgentSequence", "SeriesDescription", "ProtocolName"),
    *("ScanningSequence", "EchoPlanarPulseSequence", "EchoPulseSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]
_OTHER_TYPES = {"ADC", "DIFFUSION", "TRACEW", "FA", "SUB", "SUBTRACTION", "TOF", "ANGIO", "SWI", "PERFUSION"}
_OTHER_TYPES |= {"PHASE", "P", "PHASE MAP", "FIELD_MAP", "IMAGINARY", "I"}
_OTHER_WORDS = re.compile(
    r"\b(dwi\w*|dti|(e|iso|r|s|m)?(dwi|adc)|trace|diff\w*|\w*ep2d|swip?|e?swan|tof|mra|angio\w*|perf\w*|dsc|asl|subtr\w*|sub(?!-?\d)|mip)\b"
    # gradient echoes whose times are those of a T1: T2*, and what susceptibility and fields are computed of
    r"|\bt2w?[ -]?(\*|star\b|ffe\b)|\bha?emo(sid\w*)?\b|\b\w*field ?map\w*|\b(mag|pha) images\b",
    re.IGNORECASE,
)
"""Values of Image Type, and words of a description, of images that are made of others or of something else."""
_SPIN_ECHO_TIMES = frozenset({"t1", "t1c", "t2", "flair"})
"""Contrasts whose times an echo planar image or a T2* may have, too; a table of the user's own may name others."""
_LATE_GRADIENT_ECHO = 12
"""Milliseconds: those of a T1 come before 10, those of a T2* or SWI from 15 on."""
_B_VALUES = ("b-value", "b-value (Siemens)", "b-value (GE)")


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
        FileProblem: two stacks are taken for one contrast, numbers and words of a header tell of two contrasts, or a
            contrast that is needed is not there.
    """
    found: dict[str, list[Channel]] = {name: [] for name in rules}
    for stack in stacks:
        if stack.problems or stack.planes[0].modality != "MR" or len(stack.planes) == 1 or _is_diffusion(stack):
            continue
        if (channel := _match(stack, rules, names or list(rules))) is not None:
            found[channel.name].append(channel)
    for name in names or [name for name in found if found[name]]:
        channels = found.get(name, [])
        if len(channels) != 1:
            labels = " and ".join(channel.stack.planes[0].label for channel in channels) or "none"
            remedy = "leave one out, or sharpen the rules" if channels else "export it, or add a rule"
            raise FileProblem(Problem(f"contrast {name}", "be one series", labels, remedy))
    return [channel for name, channels in found.items() for channel in channels if not names or name in names]


def _is_diffusion(stack: Stack) -> bool:
    """Return whether images are made with a b-value, or are of another kind by their type."""
    values = (plane.repeats[name] for plane in stack.planes for name in _B_VALUES)
    return any(map(_is_above_0, values)) or bool(_OTHER_TYPES & {*stack.planes[0].image_type})


def _is_above_0(value: str) -> bool:
    """Return whether a value, or the first of several, is a number above 0; bytes of an unknown attribute are none."""
    try:
        return float(value.strip("[]").split(",")[0]) > 0
    except ValueError:
        return False


def _match(stack: Stack, rules: Mapping[str, Sequence[Mapping[str, Any]]], needed: Sequence[str]) -> Channel | None:
    """Return the first rule that holds; those with a description come last, for descriptions lie.

    Where a rule rests on what a header lacks, such as a contrast agent, and the description tells of a contrast further
    up in the table, that is a clash: headers are often filled in by half.
    """
    image = open_dicom(stack.planes[0].file, stop_before_pixels=True, specific_tags=_TAGS)
    values = _values(image)
    if stack.planes[0].echo is not None:
        values["echo_time"] = stack.planes[0].echo
    if _OTHER_WORDS.search(values["description"]):
        return None
    left_out = _SPIN_ECHO_TIMES if _is_echo_planar(image) or _is_t2_star(image, values["echo_time"]) else frozenset()
    pairs = [(name, rule) for name, each in rules.items() for rule in each if name not in left_out]
    held = [(name, rule) for name, rule in pairs if all(_holds(values[key], rule[key]) for key in rule)]
    if not held:
        return None
    name, rule = min(held, key=lambda pair: "description" in pair[1])
    told = next((each for each, words in held if "description" in words), name)
    if _lacks(rule) and list(rules).index(told) < list(rules).index(name) and {name, told} & {*needed}:
        found, remedy = f"{name} by its numbers and {told} by its description", "leave it out, or sharpen the rules"
        raise FileProblem(Problem(stack.planes[0].label, "be one contrast", found, remedy))
    return Channel(name, stack, rule)


def _is_echo_planar(image: Dataset) -> bool:
    """Return whether it was read out as diffusion, perfusion and field maps are, whose times may be those of a T2.

    Source: DICOM PS3.3 C.8.3.1.1.2, Scanning Sequence; C.8.13.4, Echo Planar Pulse Sequence.
    """
    return "EP" in texts(image.get("ScanningSequence")) or image.get("EchoPlanarPulseSequence") == "YES"


def _is_t2_star(image: Dataset, echo_time: float | None) -> bool:
    """Return whether it is a gradient echo later than that of any T1; a spin echo with its times may be a T1."""
    made = {*texts(image.get("ScanningSequence")), str(image.get("EchoPulseSequence") or "")}
    is_gradient = bool(made & {"GR", "GRADIENT"}) and not made & {"SE", "SPIN"}
    return is_gradient and echo_time is not None and echo_time >= _LATE_GRADIENT_ECHO


def _lacks(rule: Mapping[str, Any]) -> bool:
    return any(wanted is False or wanted == "none" for wanted in rule.values())


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
    administered = {str(place.get("ContrastBolusAgentAdministered") or "YES") for place in places}
    agent = str(image.get("ContrastBolusAgent") or "").strip(" -").lower() not in ("", "none", "no")
    values["contrast_agent"] = agent or (bool(image.get("ContrastBolusAgentSequence")) and administered == {"YES"})
    words = str(image.get("SeriesDescription") or image.get("ProtocolName") or "")  # which may be that of all series
    values["description"] = words.replace("_", " ")  # which is part of a word to an expression
    return values


def _holds(value: Any, wanted: Any) -> bool:
    if wanted == "none":
        return not value
    if isinstance(wanted, bool):
        return value == wanted
    if isinstance(wanted, str):
        return re.search(wanted, value, re.IGNORECASE) is not None
    return value is not None and wanted[0] <= value <= wanted[1]
