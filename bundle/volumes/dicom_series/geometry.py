"""Geometry of a stack: the order of its slices, its affine, and where the affine does not hold every slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bundle.volumes.dicom_series.planes import Plane
from bundle.volumes.problem import Problem

_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME_PLACE_MM = 0.01
_EVEN_MM = 0.1
"""As far as a slice may lie from where the affine puts it; headers round positions to a tenth of that."""
_MISSING = 1.5
"""A gap of more than this times the usual distance between slices is a lost slice, if the usual distance returns."""
_LONGEST = 32767
"""Voxels along a side of a NIfTI file."""
_UNIT = 1e-3
_TILT_DEGREES = 0.1
_STEEPEST_DEGREES = 45
"""No gantry is tilted so far; slices that are sheared by more lie beside each other, as stations of a table do."""
_OTHER = 1.5
"""Slices are further apart, or closer, than the header says from this factor on."""


def normal_of(plane: Plane) -> NDArray:
    """Return row direction x column direction."""
    row, column = np.reshape(plane.orientation, (2, 3))
    return np.cross(row, column)


def along_normal(planes: Sequence[Plane]) -> NDArray:
    """Return the positions along the normal of the first plane in mm."""
    return np.array([plane.position for plane in planes]) @ normal_of(planes[0])


def places(planes: Sequence[Plane]) -> list[list[Plane]]:
    """Return planes in the order of their positions along the normal; those that share one are together.

    Source: DICOM PS3.3 C.7.6.2.1.1; Instance Numbers say nothing of space.
    """
    along = along_normal(planes)
    order = sorted(range(len(planes)), key=lambda index: (along[index], planes[index].uid, planes[index].frame or 0))
    found: list[list[Plane]] = []
    last = -np.inf
    for index in order:
        if along[index] - last > SAME_PLACE_MM:
            found.append([])
            last = along[index]
        found[-1].append(planes[index])
    return found


def affine_of(planes: Sequence[Plane]) -> NDArray:
    """Return the affine of ordered planes: exact for the first and the last, with shear where the gantry was tilted.

    Args:
        planes: ordered along their normal.

    Returns:
        (4, 4): column, row and slice index to mm in RAS.

    Source: DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
    """
    first = planes[0]
    row, column = np.reshape(first.orientation, (2, 3))
    between_rows, between_columns = first.spacing
    if len(planes) > 1:
        step = (np.array(planes[-1].position) - first.position) / (len(planes) - 1)
    else:
        step = normal_of(first) * (first.distance or first.thickness or 1.0)
    affine = np.eye(4)
    affine[:3] = np.stack([row * between_columns, column * between_rows, step, first.position], axis=1)
    return _TO_RAS @ affine


def geometry_problems(planes: Sequence[Plane], label: str) -> Iterator[Problem]:
    """Yield why ordered planes make no volume.

    Args:
        planes: ordered along their normal, one at a position.
        label: name of the stack.
    """
    first = planes[0]
    axes = np.reshape(first.orientation, (2, 3))
    if not np.isfinite([*first.position, *first.orientation]).all() or np.abs(axes @ axes.T - np.eye(2)).max() > _UNIT:
        found, remedy = "other directions of rows and columns", "export the series again"
        yield Problem(label, "have unit directions at right angles", found, remedy)
    if min(first.spacing) <= 0 or not np.isfinite(first.spacing).all():
        yield Problem(label, "have pixels of a positive size", f"{list(first.spacing)} mm", "export the series again")
    if not all(1 <= side <= _LONGEST for side in (*first.size, len(planes))):
        found = " x ".join(map(str, (*first.size, len(planes))))
        yield Problem(label, f"have 1 to {_LONGEST} rows, columns and slices", found, "export the series again")
    if (tilt := _tilt(planes)) > _STEEPEST_DEGREES:
        found, remedy = f"a shear of {tilt:.3g} degrees", "export each stack of slices as a series of its own"
        yield Problem(label, "hold slices that lie above each other", found, remedy)
    steps = np.diff(along_normal(planes))
    for index in _lost(steps):
        found = f"{steps[index]:.4g} mm after slice {index} where slices are {_usual(steps):.4g} mm apart"
        remedy = "copy the files that are missing; a label or finding behind the gap would sit on the wrong slice"
        yield Problem(label, "hold every slice between its ends", found, remedy)


def _usual(steps: NDArray) -> float:
    return float(np.sort(steps)[(len(steps) - 1) // 2]) if len(steps) else 0.0  # the lower of two middle ones


def _tilt(planes: Sequence[Plane]) -> float:
    """Return the angle between the way from the first slice to the last and their normal in degrees."""
    step, normal = np.subtract(planes[-1].position, planes[0].position), normal_of(planes[0])
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(normal, step)), normal @ step)))


def _lost(steps: NDArray) -> list[int]:
    """Return the gaps that are no change of spacing: alone at an end, unlike each other there, or in between."""
    wide = steps > _MISSING * _usual(steps)
    at_ends = (np.argmin(wide), np.argmin(wide[::-1])) if len(steps) else (0, 0)  # how many wide ones at each end
    ends = range(at_ends[0]), range(len(steps) - at_ends[1], len(steps))
    zones = {index for end in ends if len(end) > 1 and _alike(steps[end[0] : end[-1] + 1]) for index in end}
    return [int(index) for index in np.flatnonzero(wide) if index not in zones]


def _alike(steps: NDArray) -> bool:
    return bool(steps.max() <= _MISSING * steps.min())


def geometry_flags(planes: Sequence[Plane]) -> dict[str, str]:
    """Return what is unusual about where ordered planes lie, by kind.

    Args:
        planes: ordered along their normal, one at a position.
    """
    if len(planes) == 1:
        is_thick = planes[0].distance or planes[0].thickness
        return {"single": "a single slice" if is_thick else "a single slice of unknown thickness, 1 mm is assumed"}
    flags = {}
    positions, normal = np.array([plane.position for plane in planes]), normal_of(planes[0])
    step = (positions[-1] - positions[0]) / (len(planes) - 1)
    if (tilt := _tilt(planes)) > _TILT_DEGREES:
        flags["tilt"] = (
            f"slices are sheared by {tilt:.3g} degrees: the sform holds it, the qform, which cannot, is set upright"
        )
    off = float(np.linalg.norm(positions - positions[0] - np.outer(np.arange(len(planes)), step), axis=1).max())
    steps = np.diff(positions @ normal)
    if off > _EVEN_MM:
        flags["uneven"] = (
            f"slices are {steps.min():.4g} to {steps.max():.4g} mm apart and up to {off:.3g} mm from where the affine "
            "puts them; slices.csv has the position of each"
        )
    distance, thickness = planes[0].distance or 0.0, planes[0].thickness or 0.0
    apart, said = float(np.median(steps)), distance or thickness
    if _usual(steps) > _OTHER * (distance or 2 * thickness or np.inf):  # a gap as wide as a slice is usual
        flags["spacing"] = f"slices are {apart:.4g} mm apart, the header says {said:.4g} mm: some may be lost"
    elif _OTHER * _usual(steps) < distance:
        flags["spacing"] = f"slices are {apart:.4g} mm apart, the header says {said:.4g} mm: they may be two volumes"
    return flags
