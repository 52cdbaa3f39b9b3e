"""Findings in words and numbers: place, size, key slice and outline of each region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage.measure import find_contours, regionprops

from bundle.findings.regions import Regions

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def describe_regions(
    regions: Regions, probability: Sequence[float], affine: NDArray | None, *, has_place: bool = True
) -> list[dict[str, Any]]:
    """Return one JSON-serializable entry per region, in the order of their labels.

    The key slice is the one where the region is largest, of equal ones that with the highest probability. Outlines are
    closed polygons on the key slice, holes among them, halfway between the voxels inside and outside.

    Args:
        regions: see `find_regions`.
        probability: (D,) of the slices.
        affine: (4, 4) of the regions' grid, voxel to RAS in mm; None where no size is known.
        has_place: whether the affine tells the place in the body, or sizes alone.

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
    return [
        _entry(region, regions.score[region.label - 1], np.asarray(probability), affine, start, has_place)
        for region in regionprops(regions.labels[..., start:end])
    ]


def _entry(
    region: Any, score: float, probability: NDArray, affine: NDArray | None, start: int, has_place: bool
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
        **_in_mm(region, polygons, first + key, affine),
        **_in_patient(region, polygons, first + key, affine if has_place else None, start),
    }


def _in_mm(region: Any, polygons: Sequence[NDArray], key_slice: int, affine: NDArray | None) -> dict[str, Any]:
    """Return the sizes."""
    if affine is None:
        return dict.fromkeys(("volume_mm3", "volume_ml", "extent_mm", "diameter_mm"))
    volume = float(region.num_pixels * abs(np.linalg.det(affine[:3, :3])))
    box = np.subtract(region.bbox[3:], region.bbox[:3]) * np.linalg.norm(affine[:3, :3], axis=0)
    outline = np.concatenate([_to_ras(polygon, key_slice, affine) for polygon in polygons])
    # a ragged outline has more points than memory for the distances of all of them
    corners = outline[ConvexHull(np.concatenate(polygons)).vertices]
    return {
        "volume_mm3": round(volume, 3),
        "volume_ml": round(volume / 1000, 6),
        "extent_mm": box.round(3).tolist(),
        "diameter_mm": round(float(pdist(corners).max()), 3),
    }


def _in_patient(
    region: Any, polygons: Sequence[NDArray], key_slice: int, affine: NDArray | None, start: int
) -> dict[str, Any]:
    """Return the places in the body."""
    if affine is None:
        return dict.fromkeys(("centroid_ras_mm", "centroid_lps_mm", "contours_ras_mm"))
    centroid = _to_ras(np.array([region.centroid[:2]]), start + region.centroid[2], affine)[0]
    return {
        "centroid_ras_mm": centroid.round(3).tolist(),
        "centroid_lps_mm": (centroid * _RAS_TO_LPS).round(3).tolist(),
        "contours_ras_mm": [_to_ras(polygon, key_slice, affine).round(3).tolist() for polygon in polygons],
    }


def _to_ras(points: NDArray, plane: float, affine: NDArray) -> NDArray:
    """Return (n, 3) in mm of points (n, 2), row and column, on a slice."""
    return np.asarray(points @ affine[:3, :2].T + plane * affine[:3, 2] + affine[:3, 3])
