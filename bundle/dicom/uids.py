"""UIDs of what was read, which name it in objects: which an archive refuses, and which it may refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pydicom.uid import UID

from bundle.volumes.dicom_series import Stack
from bundle.volumes.problem import Problem

_SIGNS = re.compile(r"[0-9]+(\.[0-9]+)*")
_LONGEST = 64
_FRAME = "Frame of Reference UID"


def uid_problems(stacks: Sequence[Stack]) -> Iterator[Problem]:
    """Yield why no archive files objects of what was read: a study of another UID would be one that is not there.

    Args:
        stacks: that were read, of one study.

    Source: DICOM PS3.5 9.1.
    """
    for name, values in _uids(stacks).items():
        if name != _FRAME and not all(len(each) <= _LONGEST and _SIGNS.fullmatch(each) for each in values):
            found, remedy = f"a {name} that is not valid", "correct it where the images come from"
            label = stacks[0].planes[0].label
            yield Problem(label, f"have UIDs of digits and dots, up to {_LONGEST} characters", found, remedy)


def uid_warnings(stacks: Sequence[Stack]) -> Iterator[str]:
    """Yield that no objects are written, or that an archive may refuse them, sentences for people.

    Args:
        stacks: that were read, of one study.
    """
    if problems := [*uid_problems(stacks)]:
        yield f"No DICOM objects were written: {problems[0].text}"
        return
    # common among old images, which archives took
    if odd := [name for name, values in _uids(stacks).items() if not all(UID(each).is_valid for each in values)]:
        names = " and ".join(odd)
        yield f"An archive may refuse the DICOM objects, as a rule of UIDs is broken by what they name: {names}."


def _uids(stacks: Sequence[Stack]) -> dict[str, set[str]]:
    """Return the UIDs by their names; an image without a frame of reference is given one."""
    planes = [plane for stack in stacks for plane in stack.planes]
    return {
        "Study Instance UID": {plane.study.uid for plane in planes},
        "Series Instance UID": {plane.series for plane in planes},
        "SOP Instance UID": {plane.uid for plane in planes},
        _FRAME: {plane.frame_of_reference for plane in planes} - {""},
    }
