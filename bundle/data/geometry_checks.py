"""Where a channel or a mask must lie: on the grid of the first channel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bundle.data.problem import Problem
from bundle.data.volume_file import VolumeFile

AFFINE_TOLERANCE = 1e-3


def geometry_problems(case: str, volume: VolumeFile, reference: VolumeFile, what: str) -> Iterator[Problem]:
    """Yield where a channel or mask does not lie on the grid of the first channel.

    Args:
        case: id of the case.
        volume: channel or mask.
        reference: first channel.
        what: ``"channel"`` or ``"mask"``, for the message.

    Example:
        >>> image, mask = (VolumeFile(f, np.zeros((4, 4, n)), np.eye(4)) for f, n in (("a.nii", 6), ("m.nii", 5)))
        >>> [problem.found for problem in geometry_problems("a", mask, image, "mask")]
        ['shape (4, 4, 5)']
    """
    remedy = f"Resample the {what} to the grid of {reference.file}, or take the {what} that belongs to this scan."
    if volume.shape[:3] != reference.shape[:3]:
        expected = f"a {what} of the shape {reference.shape[:3]} of the first channel"
        yield Problem(case, volume.file, expected, f"shape {volume.shape[:3]}", remedy)
        return
    difference = float(np.abs(volume.affine - reference.affine).max())
    if difference > AFFINE_TOLERANCE:
        expected = f"a {what} with the affine of the first channel (within {AFFINE_TOLERANCE:g})"
        yield Problem(case, volume.file, expected, f"another affine, different by up to {difference:.4g} mm", remedy)
