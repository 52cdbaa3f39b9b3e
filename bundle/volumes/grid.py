"""Two volumes of one case must lie on the same voxels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import VolumeFile

_TOLERANCE_MM = 1e-3


def require_same_grid(volume: Tensor, reference: Tensor) -> None:
    """Refuse a (C,X,Y,Z) volume whose shape or affine (beyond 1e-3 mm) is not that of the reference.

    Plain tensors have no affine; only their shapes are compared.

    Raises:
        ValueError: names the file, what was expected, what came.

    Example:
        >>> import torch
        >>> require_same_grid(torch.zeros(1, 4, 4, 2), torch.zeros(3, 4, 4, 2))
        >>> require_same_grid(torch.zeros(1, 4, 4, 3), torch.zeros(3, 4, 4, 2))
        Traceback (most recent call last):
        ValueError: (tensor): expected shape (4, 4, 2) as in (tensor) but got (4, 4, 3): resample it to that grid.
    """
    names = f"{_name(volume)}: expected", f"as in {_name(reference)} but got"
    expected, got = tuple(reference.shape[1:]), tuple(volume.shape[1:])
    if expected != got:
        raise ValueError(f"{names[0]} shape {expected} {names[1]} {got}: resample it to that grid.")
    affines = getattr(reference, "affine", None), getattr(volume, "affine", None)
    if affines[0] is None or affines[1] is None:
        return
    wanted, came = (np.asarray(affine, dtype=np.float64) for affine in affines)
    if not np.allclose(wanted, came, rtol=0.0, atol=_TOLERANCE_MM):
        raise ValueError(
            f"{names[0]} affine {wanted.round(4).tolist()} {names[1]} {came.round(4).tolist()}: resample it to that "
            "grid, or copy the header if only the header is wrong."
        )


def _name(volume: Tensor) -> str:
    return str(getattr(volume, "meta", {}).get("filename_or_obj", "(tensor)"))


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
