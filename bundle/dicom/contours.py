"""Contours of a structure set filled on the slices of their series, and what of them no slice holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from skimage.draw import polygon2mask

from bundle.volumes.dicom_series import Stack
from bundle.volumes.dicom_series.geometry import along_normal, normal_of
from bundle.volumes.dicom_series.planes import Plane

_SAME_MM = 0.1
_ON_SLICE_MM = 0.5
_PLACES = 4
"""Decimals of a corner in pixels: an edge through the centers of pixels holds them, whatever a float adds to it."""
_CORNERS = 3
"""The fewest that enclose something."""
_CLOSED = ("CLOSED_PLANAR", "CLOSED_PLANAR_XOR", "CLOSEDPLANAR_XOR")


def filled(contours: Sequence[Dataset], stack: Stack) -> tuple[NDArray, tuple[str, ...]]:
    """Return what the contours of a region enclose.

    Args:
        contours: items of its Contour Sequence.
        stack: that they belong to.

    Returns:
        (slices, rows, columns) uint8, 1 inside, and sentences about what of the region is not in it.
    """
    voxels = np.zeros((len(stack.planes), *stack.planes[0].size), np.uint8)
    left_out: Counter[str] = Counter()
    on_slices = _on_slices(contours, stack, left_out)
    for index, outlines in on_slices.items():
        areas = [_area(points, stack.planes[index]) for points in outlines]
        some = [area for area in areas if area.any()]
        # a contour drawn twice need not have the same numbers: it may be reversed, rounded or begin elsewhere
        once = [*{np.packbits(area).tobytes(): area for area in some}.values()]
        voxels[index] = np.logical_xor.reduce([voxels[index], *once])
        left_out["contours without the center of a pixel"] += len(areas) - len(some)
        left_out["contours that are there twice"] += len(some) - len(once)
        left_out["contours that cross another one, without what is in both"] += _crossings(once)
    if on_slices:
        between = max(on_slices) - min(on_slices) + 1 - len(on_slices)
        left_out["slices without a contour between those with one"] = between
    return voxels, tuple(f"{words}: {count}" for words, count in sorted(left_out.items()) if count)


def _on_slices(contours: Sequence[Dataset], stack: Stack, left_out: Counter[str]) -> dict[int, list[NDArray]]:
    """Return the corners of the contours on each slice; two planes of contours on one slice would cancel each other."""
    along, normal = along_normal(stack.planes), normal_of(stack.planes[0])
    near: dict[int, list[tuple[float, NDArray]]] = defaultdict(list)
    for contour in contours:
        if contour.ContourGeometricType not in _CLOSED or len(contour.ContourData or ()) < 3 * _CORNERS:
            left_out["contours that enclose nothing"] += 1
            continue
        points = np.reshape([float(value) for value in contour.ContourData], (-1, 3))
        heights = points @ normal
        index = int(np.abs(along - heights.mean()).argmin())
        if np.abs(heights - along[index]).max() > _ON_SLICE_MM:
            left_out["contours that lie on no slice"] += 1
        else:
            near[index].append((float(heights.mean() - along[index]), points))
    nearest = {index: min((off for off, _ in those), key=abs) for index, those in near.items()}
    left_out["contours of a plane that is further from its slice than another one"] = sum(
        abs(off - nearest[index]) > _SAME_MM for index, those in near.items() for off, _ in those
    )
    return {
        index: [points for off, points in those if abs(off - nearest[index]) <= _SAME_MM]
        for index, those in near.items()
    }


def _area(points: NDArray, plane: Plane) -> NDArray:
    """Return the pixels of a plane whose centers a contour holds, (rows, columns)."""
    row, column = np.reshape(plane.orientation, (2, 3))
    places = np.stack([(points - plane.position) @ column, (points - plane.position) @ row], axis=1)
    return polygon2mask(plane.size, np.round(places / plane.spacing, _PLACES)).astype(bool)


def _crossings(areas: Sequence[NDArray]) -> int:
    """Return how many pairs of areas overlap and neither holds the other, which would be a hole."""
    found = 0
    boxed = [(area, area.sum(), ends) for area in areas if len(ends := np.argwhere(area))]
    boxes = [(area, size, ends.min(axis=0), ends.max(axis=0) + 1) for area, size, ends in boxed]
    for (one, size, first, last), (other, other_size, other_first, other_last) in combinations(boxes, 2):
        start, stop = np.maximum(first, other_first), np.minimum(last, other_last)
        if (start < stop).all():  # most of many contours lie apart
            window = slice(start[0], stop[0]), slice(start[1], stop[1])
            found += 0 < (one[window] & other[window]).sum() < min(size, other_size)
    return found
