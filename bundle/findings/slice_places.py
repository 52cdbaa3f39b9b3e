"""Places of slices that are unevenly apart, which no affine holds: by them a finding has its size and place."""

from __future__ import annotations

import json
from typing import NamedTuple

import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray

from bundle.volumes import source_slice_indices

_EVEN_MM = 0.1
"""As for the flag `uneven` of a series."""
_TO_RAS = np.array([-1.0, -1.0, 1.0])


class SlicePlaces(NamedTuple):
    """Places of the slices of a volume, beside its affine.

    Args:
        shift: (D, 3) from where the affine puts a slice to where it lies, in mm of RAS.
        thickness: (D,) half the way to both neighbors, as a multiple of the affine's distance of slices; at an end
            the way to the one neighbor.
    """

    shift: NDArray
    thickness: NDArray


def uneven_places(image: MetaTensor, instances: str) -> SlicePlaces | None:
    """Return the places of slices; None where the affine holds each within 0.1 mm, or where none are known.

    Args:
        image: (C, H, W, D) as the network sees it, with `meta["original_affine"]` of its file.
        instances: JSON list with `patient_x`, `patient_y`, `patient_z` of each slice of the file; "" where unknown.

    Example:
        >>> image = MetaTensor(np.zeros((1, 4, 4, 3)), affine=np.diag([1.0, 1, 3, 1]))
        >>> image.meta["original_affine"] = np.diag([1.0, 1, 3, 1])
        >>> rows = [{"patient_x": 0, "patient_y": 0, "patient_z": z} for z in (0, 2, 6)]
        >>> places = uneven_places(image, json.dumps(rows))
        >>> places.shift[:, 2].tolist(), (3 * places.thickness).tolist()
        ([0.0, -1.0, 0.0], [2.0, 3.0, 4.0])
    """
    rows = json.loads(instances or "[]")
    if len(rows) < 2:
        return None
    try:
        planes = source_slice_indices(image)
    except ValueError:  # sliced across the acquired ones
        return None
    affine = np.asarray(image.meta["original_affine"], dtype=np.float64)
    step = affine[:3, 2]
    places = np.array([[row[f"patient_{axis}"] for axis in "xyz"] for row in rows]) * _TO_RAS
    shift = places - affine[:3, 3] - np.outer(np.arange(len(rows)), step)
    if np.linalg.norm(shift, axis=1).max() <= _EVEN_MM:
        return None
    gaps = np.diff(places @ step) / (step @ step)
    thickness = (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:])) / 2
    return SlicePlaces(shift[planes], thickness[planes])
