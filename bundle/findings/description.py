"""Findings in words and numbers: place, size, key slice and outline of each region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import find_contours, regionprops

from bundle.findings.regions import Regions
from bundle.findings.slice_places import SlicePlaces

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def describe_regions(
    regions: Regions,
    probability: Sequence[float],
    affine: NDArray | None,
    *,
    has_place: bool = True,
    places: SlicePlaces | None = None,
) -> list[dict[str, Any]]:
    """Return one JSON-serializable entry per region, in the order of their labels.

    The key slice is the one where the region is largest, of equal ones that with the highest probability. Outlines are
    closed polygons on the key slice, holes among them, halfway between the voxels inside and outside.

    Args:
        regions: see `find_regions`.
        probability: (D,) of the slices.
        affine: (4, 4) of the regions' grid, voxel to RAS in mm; None where no size is known.
        has_place: whether the affine tells the place in the body, or sizes alone.
        places: of slices that are unevenly apart, see `uneven_places`; None where the affine holds them.

    Returns:
        `finding` (the label), `score`, `probability` (the highest of its slices), `first_slice`, `last_slice`,
        `key_slice`, `voxels`, `contours` (polygons of row and column on the key slice), and in mm `volume_mm3`,
        `volume_ml`, `extent_mm` (box along rows, columns and slices), `diameter_mm` (longest within the key slice),
        `centroid_ras_mm` as nibabel has it, `centroid_lps_mm` as DICOM has it, and `contours_ras_mm`. None where not
        known.

    Example:
        >>> from bundle.findings.regions import FindingRule, find_regions
        >>> volume = np.zeros((4, 4, 3))
        >>> volume[1:3, 1:4, 1:] = 1
        >>> found = find_regions(volume, [0, 1, 0.5], 0.5, FindingRule(0.5), voxel_mm3=8)
        >>> first = describe_regions(found, [0, 1, 0.5], np.diag([2.0, 2.0, 2.0, 1.0]))[0]
        >>> first["centroid_ras_mm"], first["centroid_lps_mm"], first["extent_mm"], first["key_slice"]
        ([3.0, 4.0, 3.0], [-3.0, -4.0, 3.0], [4.0, 6.0, 4.0], 1)
    """
    if not len(regions):
        return []
    marked = np.flatnonzero(regions.labels.any(axis=(0, 1)))
    start, end = int(marked[0]), int(marked[-1]) + 1  # the other slices would take scikit-image the most time
    depth = regions.labels.shape[-1]
    lie = places or SlicePlaces(np.zeros((depth, 3)), np.ones(depth))
    grid = None if affine is None else _Grid(affine, *lie)
    return [
        _entry(region, regions.score[region.label - 1], np.asarray(probability), grid, has_place, start)
        for region in regionprops(regions.labels[..., start:end])
    ]


class _Grid(NamedTuple):
    """Places of voxels: by the affine, and slice by slice beside it, see `SlicePlaces`."""

    affine: NDArray
    shift: NDArray
    thickness: NDArray

    def to_ras(self, points: NDArray, plane: int) -> NDArray:
        """Return (n, 3) in mm of points (n, 2), row and column, on a slice."""
        on_plane = plane * self.affine[:3, 2] + self.affine[:3, 3] + self.shift[plane]
        return np.asarray(points @ self.affine[:3, :2].T + on_plane)


def _entry(
    region: Any, score: float, probability: NDArray, grid: _Grid | None, has_place: bool, start: int
) -> dict[str, Any]:
    """Return the entry of one region, whose slices are counted from the slice `start` on."""
    first, last = start + region.bbox[2], start + region.bbox[5] - 1
    # ordered by area, then by probability
    key = int(np.lexsort((probability[first : last + 1], region.image.sum(axis=(0, 1))))[-1])
    corner = np.array(region.bbox[:2])
    # one voxel of margin closes the polygons at the border
    outlined = np.pad(region.image[..., key], 1)
    polygons = [found - 1 + corner for found in find_contours(outlined, 0.5, fully_connected="high")]
    return {
        "finding": int(region.label),
        "score": float(score),
        "probability": float(probability[first : last + 1].max()),
        "first_slice": first,
        "last_slice": last,
        "key_slice": first + key,
        "voxels": int(region.num_pixels),
        "contours": [polygon.tolist() for polygon in polygons],
        **_in_mm(region, polygons, first, first + key, grid),
        **_in_patient(region, polygons, first, first + key, grid if has_place else None),
    }


def _in_mm(region: Any, polygons: Sequence[NDArray], first: int, key_slice: int, grid: _Grid | None) -> dict[str, Any]:
    """Return the sizes."""
    if grid is None:
        return dict.fromkeys(("volume_mm3", "volume_ml", "extent_mm", "diameter_mm"))
    areas = region.image.sum(axis=(0, 1))
    thickness = grid.thickness[first : first + len(areas)]
    volume = float(areas @ thickness * abs(np.linalg.det(grid.affine[:3, :3])))
    box = np.array([*region.image.shape[:2], thickness.sum()]) * np.linalg.norm(grid.affine[:3, :3], axis=0)
    outline = np.concatenate([grid.to_ras(polygon, key_slice) for polygon in polygons])
    # a ragged outline has more points than memory for the distances of all of them
    corners = outline[ConvexHull(np.concatenate(polygons)).vertices]
    return {
        "volume_mm3": round(volume, 3),
        "volume_ml": round(volume / 1000, 6),
        "extent_mm": box.round(3).tolist(),
        "diameter_mm": round(float(pdist(corners).max()), 3),
    }


def _in_patient(
    region: Any, polygons: Sequence[NDArray], first: int, key_slice: int, grid: _Grid | None
) -> dict[str, Any]:
    """Return the places in the body."""
    if grid is None:
        return dict.fromkeys(("centroid_ras_mm", "centroid_lps_mm", "contours_ras_mm"))
    planes = region.coords[:, 2] - region.bbox[2] + first
    voxels = np.column_stack([region.coords[:, :2], planes])
    mean = np.average(np.column_stack([voxels, grid.shift[planes]]), axis=0, weights=grid.thickness[planes])
    centroid = grid.affine[:3, :3] @ mean[:3] + grid.affine[:3, 3] + mean[3:]
    return {
        "centroid_ras_mm": centroid.round(3).tolist(),
        "centroid_lps_mm": (centroid * _RAS_TO_LPS).round(3).tolist(),
        "contours_ras_mm": [grid.to_ras(polygon, key_slice).round(3).tolist() for polygon in polygons],
    }
