"""Voxel grids: shape and affine, by which the files of a case must agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from bundle.volumes.geometry import axes_between, corner_distance
from bundle.volumes.problem import Problem
from bundle.volumes.volume_file import VolumeFile

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE_MM = 0.1
_HALF_A_VOXEL = 0.5


class Grid(NamedTuple):
    """Shape and affine of a volume, with the name of its file.

    Args:
        file: named in problems.
        shape: (X, Y, Z).
        affine: (4, 4), voxel index to millimeters; None for a plain tensor, which has none.
        oriented: False where the file does not say how it lies in the body.

    Example:
        >>> import torch
        >>> Grid.of_tensor(torch.zeros(3, 4, 5, 6))
        Grid(file='(tensor)', shape=(4, 5, 6), affine=None, oriented=True)
    """

    file: str
    shape: tuple[int, ...]
    affine: NDArray | None
    oriented: bool = True

    @classmethod
    def of_file(cls, volume: VolumeFile) -> Grid:
        """Return the grid of a volume as its file holds it."""
        return cls(volume.file, volume.shape[:3], np.asarray(volume.affine, dtype=np.float64), volume.oriented)

    @classmethod
    def of_tensor(cls, volume: Tensor) -> Grid:
        """Return the grid of a (C,X,Y,Z) tensor."""
        affine, meta = getattr(volume, "affine", None), getattr(volume, "meta", {})
        name, oriented = str(meta.get("filename_or_obj", "(tensor)")), not meta.get("no_orientation", False)
        array = None if affine is None else np.asarray(affine, dtype=np.float64)
        return cls(name, tuple(volume.shape[1:]), array, oriented)


def on_grid(
    volume: VolumeFile, reference: Grid, what: str, *, tolerance_mm: float = TOLERANCE_MM, by_voxel: bool = False
) -> tuple[VolumeFile, list[Problem]]:
    """Return a channel or mask on the grid of the image, with its axes turned if that is all that differs.

    Args:
        volume: channel or mask.
        reference: grid of the first channel.
        what: ``"channel"`` or ``"mask"``, for the remedy.
        tolerance_mm: see `grid_problems`.
        by_voxel: voxels fit one by one whatever the header says; the shape still counts.

    Returns:
        The volume and what keeps it from that grid.

    Example:
        >>> mask = VolumeFile("m.nii", np.arange(2).reshape(2, 1, 1), np.diag([-1.0, 1, 1, 1]))
        >>> image = Grid("a.nii", (2, 1, 1), np.array([[1.0, 0, 0, -1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
        >>> on_grid(mask, image, "mask")[0].data.ravel(), on_grid(mask, image, "mask")[1]
        (array([1, 0]), [])
    """
    if reference.affine is not None:
        # the image's own affine: near 45 degrees a rounded one would later be turned along another axis
        if by_voxel and volume.shape[:3] == reference.shape:
            return replace(volume, affine=reference.affine), []
        turned = _turned(volume, reference.affine)
        if turned is not None and not list(grid_problems(Grid.of_file(turned), reference, what, tolerance_mm)):
            return replace(turned, affine=reference.affine), []
    problems = list(grid_problems(Grid.of_file(volume), reference, what, tolerance_mm))
    # a plain tensor has no place: the mask lies on it voxel by voxel
    return volume if reference.affine is not None else replace(volume, affine=np.eye(4)), problems


def _turned(volume: VolumeFile, reference: NDArray) -> VolumeFile | None:
    """Same place, other axes: voxels are only put in another order."""
    turn = axes_between(volume.affine, reference)
    if turn is None:
        return None
    back = nib.orientations.inv_ornt_aff(turn, volume.shape[:3])
    data = nib.orientations.apply_orientation(volume.data, turn)
    return replace(volume, data=data, affine=volume.affine @ back)


def grid_problems(grid: Grid, reference: Grid, what: str, tolerance_mm: float = TOLERANCE_MM) -> Iterator[Problem]:
    """Yield a problem where a channel or mask does not lie on the grid of the image.

    Args:
        grid: of the channel or mask.
        reference: of the first channel.
        what: ``"channel"`` or ``"mask"``, for the remedy.
        tolerance_mm: how far apart the corners may lie; half a voxel is always too far.

    Example:
        >>> image, mask = (Grid(name, (4, 4, depth), np.eye(4)) for name, depth in (("a.nii", 6), ("m.nii", 5)))
        >>> [problem.found for problem in grid_problems(mask, image, "mask")]
        ['shape (4, 4, 5)']
    """
    if grid.shape != reference.shape:
        expected = f"have the shape {reference.shape} of {reference.file}"
        remedy = f"resample the {what} to that grid, or take the {what} that belongs to this scan"
        yield Problem(grid.file, expected, f"shape {grid.shape}", remedy)
        return
    if grid.affine is None or reference.affine is None:
        return
    millimeters, voxels = corner_distance(reference.affine, grid.affine, grid.shape)
    if not (millimeters <= tolerance_mm and voxels < _HALF_A_VOXEL):  # NaN must not pass
        expected = (
            f"have the affine {_rounded(reference.affine)} of {reference.file} (corners within {tolerance_mm:g} mm "
            "and half a voxel)"
        )
        apart = f"{millimeters:.3g} mm ({voxels:.3g} voxels) away at a corner"
        found = f"another one, {apart}, {_rounded(grid.affine)}"
        yield Problem(grid.file, expected, found, _remedy(grid, reference, what))


def _remedy(grid: Grid, reference: Grid, what: str) -> str:
    by_voxel = ", or set mask_grid to by_voxel" if "mask" in what else ""
    fit = "if their voxels fit one by one (lay them over each other to see it)"
    if not reference.oriented:
        return f"the image's header has no orientation: copy the header of the {what} to the image {fit}{by_voxel}"
    if not grid.oriented:
        return f"the {what}'s header has no orientation: copy the header of the image to it {fit}{by_voxel}"
    return f"copy the header of the image to the {what} {fit}{by_voxel}; else take the {what} that belongs to this scan"


def _rounded(affine: NDArray) -> list[list[float]]:
    return affine.round(4).tolist()
