"""Stacks: the planes of a series that make one volume, in the order of their positions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.dicom_series.flags import mixed_flags, origin_flags, torn_flags
from bundle.volumes.dicom_series.frame_attributes import COMPONENTS
from bundle.volumes.dicom_series.geometry import (
    SAME_PLACE_MM,
    affine_of,
    along_normal,
    geometry_flags,
    geometry_problems,
    normal_of,
    places,
)
from bundle.volumes.dicom_series.headers import Headers
from bundle.volumes.dicom_series.pixels import decoder_problems, same_pixels
from bundle.volumes.dicom_series.planes import REPEATS, Aside, Plane
from bundle.volumes.problem import Problem

_SAME_DIRECTION = 5e-4
"""Half a pixel of 0.5 mm over a field of view of 500 mm."""
_SAME_SPACING = 1e-3
_PARALLEL = 0.9998  # the cosine of a degree
_KIND = 3
"""Values of Image Type that tell images apart; what follows them may change from slice to slice."""


@dataclass(frozen=True)
class Stack:
    """One volume of a series.

    Args:
        planes: by their position along the normal, row direction x column direction.
        flags: sentences about what a user should know, by their kind.
        problems: why it is refused; empty for a stack that can be read.
    """

    planes: tuple[Plane, ...]
    flags: dict[str, str]
    problems: tuple[Problem, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        rows, columns = self.planes[0].size
        return columns, rows, len(self.planes)

    @property
    def affine(self) -> NDArray:
        """(4, 4), voxel index to mm in RAS; see `affine_of`."""
        return affine_of(self.planes)

    @property
    def positions(self) -> NDArray:
        """Position of each slice along the normal in mm."""
        return along_normal(self.planes)


class _Part(NamedTuple):
    planes: list[Plane]
    differs: tuple[str, ...] = ()


def find_stacks(headers: Headers) -> tuple[list[Stack], list[Aside]]:
    """Split the planes of a folder into stacks.

    A series is split by patient, study, frame of reference, matrix, image type, echo time, orientation and spacing;
    where positions repeat, also by what tells these images apart (`REPEATS`). Copies of a slice are dropped if their
    pixels are equal, else the stack is refused.

    Args:
        headers: of a folder.

    Returns:
        The stacks, also those that are refused, and everything else, also single images that lie across a stack of
        their series.

    Example:
        >>> find_stacks(Headers())
        ([], [])
    """
    series = _grouped(headers.planes, lambda plane: (plane.study, plane.series, plane.number))
    torn, stacks, asides = torn_flags(series), [], list(headers.asides)
    for planes in series:
        parts, singles = list(_parts(planes)), []
        if any(len(part.planes) > 1 for part in parts):
            singles = [part for part in parts if len(part.planes) == 1]
            parts = [part for part in parts if len(part.planes) > 1]
        asides += [_single(part) for part in singles]
        parallel = sum(_is_parallel(part.planes[0], parts) for part in singles)
        flags = {"apart": f"single images of its series that were set aside: {parallel}"} if parallel else {}
        stacks += [_stack(part, headers, len(parts), flags | torn.get(planes[0].series, {})) for part in parts]
    return stacks, asides


def _is_parallel(plane: Plane, parts: Sequence[_Part]) -> bool:
    """Return whether a single image may be a slice of one of the stacks, whose directions a header rounds."""
    return any(abs(normal_of(plane) @ normal_of(part.planes[0])) > _PARALLEL for part in parts)


def _parts(planes: list[Plane]) -> Iterator[_Part]:
    rules: dict[str, Callable[[Plane], Hashable]] = {
        "modality": lambda plane: plane.modality,
        "frame of reference": lambda plane: plane.frame_of_reference,
        "matrix": lambda plane: plane.size,
        "image type": lambda plane: (plane.image_type[:_KIND], COMPONENTS.intersection(plane.image_type)),
        "echo time": lambda plane: plane.echo,
    }
    parts = [_Part(planes)]
    for name, key in rules.items():
        parts = [new for part in parts for new in _split(part, name, _grouped(part.planes, key))]
    for name, tolerance in (("orientation", _SAME_DIRECTION), ("spacing", _SAME_SPACING)):
        parts = [new for part in parts for new in _split(part, name, _alike(part.planes, name, tolerance))]
    for part in parts:
        yield from _without_repeats(part)


def _grouped(planes: Sequence[Plane], key: Callable[[Plane], Hashable]) -> list[list[Plane]]:
    groups: dict[Hashable, list[Plane]] = defaultdict(list)
    for plane in planes:
        groups[key(plane)].append(plane)
    return list(groups.values())


def _alike(planes: list[Plane], name: str, tolerance: float) -> list[list[Plane]]:
    """Group by numbers that are equal but for rounding; a rounded key would part those at its edge."""
    groups: list[list[Plane]] = []
    for plane in planes:
        value = np.array(getattr(plane, name))
        for group in groups:
            if np.abs(value - np.array(getattr(group[0], name))).max() <= tolerance:
                group.append(plane)
                break
        else:
            groups.append([plane])
    return groups


def _split(part: _Part, name: str, groups: list[list[Plane]]) -> list[_Part]:
    return [part] if len(groups) == 1 else [_Part(group, (*part.differs, name)) for group in groups]


def _without_repeats(part: _Part) -> Iterator[_Part]:
    """Split planes that share positions by the first attribute that does not split them further than that."""
    most = max(len({(plane.uid, plane.frame) for plane in place}) for place in places(part.planes))
    for name in (*REPEATS, "instance") if most > 1 else ():
        groups = _grouped(part.planes, lambda plane, name=name: plane.repeats[name])  # type: ignore[misc]
        if 1 < len(groups) <= most:  # more of them: an attribute that changes from slice to slice
            for group in groups:
                yield from _without_repeats(_Part(group, (*part.differs, name)))
            return
    yield part


def _single(part: _Part) -> Aside:
    [plane] = part.planes
    reason = f"a single image beside a stack of its series, of another {' and '.join(part.differs)}"
    return Aside(plane.study, plane.label, "set aside", reason, plane.file, plane.series)


def _stack(part: _Part, headers: Headers, count: int, flags: dict[str, str]) -> Stack:
    planes, copies, problems = _without_copies(part.planes)
    label = planes[0].label
    if copies:
        flags = {**flags, "copies": f"equal copies of slices that were left out: {copies}"}
    if len(planes) == 1 and count > 1:
        found, remedy = f"{count} single images that differ in {', '.join(part.differs)}", "leave it out"
        problems.append(Problem(label, "hold parallel slices", found, remedy))
    elif count > 1:
        flags = {**flags, "split": f"one of {count} stacks of its series, which differ in {', '.join(part.differs)}"}
    if (instances := len({(plane.uid, plane.frame) for plane in planes})) < len(planes):
        found = f"{instances} for {len(planes)} slices"
        problems.append(Problem(label, "have one SOP Instance UID a slice", found, "export the series again"))
    problems += [*geometry_problems(planes, label), *decoder_problems(planes, label)]
    if not problems:
        flags = flags | geometry_flags(planes) | mixed_flags(planes)
    return Stack(tuple(planes), flags | origin_flags(planes, headers), tuple(problems))


def _without_copies(planes: list[Plane]) -> tuple[list[Plane], int, list[Problem]]:
    kept, copies, clashes = [], 0, 0
    for place in places(planes):
        kept.append(place[0])
        for other in place[1:]:
            same = np.allclose(place[0].position, other.position, atol=SAME_PLACE_MM) and same_pixels(place[0], other)
            copies, clashes = copies + same, clashes + (not same)
    if not clashes:
        return kept, copies, []
    found = f"{clashes} more with other pixels or beside it"
    remedy = "export each time point or contrast as a series of its own"
    return kept, copies, [Problem(kept[0].label, "hold one slice at a position", found, remedy)]
