"""Voxel grids: shape and affine, by which the files of a case must agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bundle.volumes.problem import Problem, raise_first
from bundle.volumes.volume_file import VolumeFile

_TOLERANCE_MM = 1e-3


class Grid(NamedTuple):
    """Shape and affine of a volume, with the name of its file.

    Args:
        file: named in problems.
        shape: (X, Y, Z).
        affine: (4, 4), voxel index to millimeters; None for a plain tensor, which has none.

    Example:
        >>> import torch
        >>> Grid.of_tensor(torch.zeros(3, 4, 5, 6))
        Grid(file='(tensor)', shape=(4, 5, 6), affine=None)
    """

    file: str
    shape: tuple[int, ...]
    affine: NDArray | None

    @classmethod
    def of_file(cls, volume: VolumeFile) -> Grid:
        """Return the grid of a volume as its file holds it."""
        return cls(volume.file, volume.shape[:3], np.asarray(volume.affine, dtype=np.float64))

    @classmethod
    def of_tensor(cls, volume: Tensor) -> Grid:
        """Return the grid of a (C,X,Y,Z) tensor."""
        affine = getattr(volume, "affine", None)
        name = str(getattr(volume, "meta", {}).get("filename_or_obj", "(tensor)"))
        return cls(name, tuple(volume.shape[1:]), None if affine is None else np.asarray(affine, dtype=np.float64))


def grid_problems(grid: Grid, reference: Grid, what: str) -> Iterator[Problem]:
    """Yield a problem where a channel or mask does not lie on the grid of the image.

    Args:
        grid: of the channel or mask.
        reference: of the first channel.
        what: ``"channel"`` or ``"mask"``, for the remedy.

    Example:
        >>> image, mask = (Grid(name, (4, 4, depth), np.eye(4)) for name, depth in (("a.nii", 6), ("m.nii", 5)))
        >>> [problem.found for problem in grid_problems(mask, image, "mask")]
        ['shape (4, 4, 5)']
    """
    remedy = f"resample the {what} to that grid, or take the {what} that belongs to this scan"
    if grid.shape != reference.shape:
        expected = f"have the shape {reference.shape} of {reference.file}"
        yield Problem(grid.file, expected, f"shape {grid.shape}", remedy)
        return
    if grid.affine is None or reference.affine is None:
        return
    difference = float(np.abs(grid.affine - reference.affine).max())
    if not difference <= _TOLERANCE_MM:  # NaN must not pass
        expected = f"have the affine {_rounded(reference.affine)} of {reference.file} (within {_TOLERANCE_MM:g} mm)"
        found = f"another affine, different by up to {difference:.4g} mm, {_rounded(grid.affine)}"
        remedy += ", or copy the header if only the header is wrong"
        yield Problem(grid.file, expected, found, remedy)


def require_same_grid(volume: Tensor, reference: Tensor, what: str = "channel") -> None:
    """Refuse a (C,X,Y,Z) volume whose shape or affine (beyond 1e-3 mm) is not that of the reference.

    Plain tensors have no affine; only their shapes are compared.

    Raises:
        ValueError: names the file, what it must have, what it has.

    Example:
        >>> import torch
        >>> require_same_grid(torch.zeros(1, 4, 4, 2), torch.zeros(3, 4, 4, 2))
        >>> require_same_grid(torch.zeros(1, 4, 4, 3), torch.zeros(3, 4, 4, 2))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: (tensor) must have the shape (4, 4, 2) of (tensor), got shape (4, 4, 3): resample the channel ...
    """
    raise_first(grid_problems(Grid.of_tensor(volume), Grid.of_tensor(reference), what))


def _rounded(affine: NDArray) -> list[list[float]]:
    return affine.round(4).tolist()
