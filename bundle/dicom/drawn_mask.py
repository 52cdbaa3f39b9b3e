"""A mask from a file, drawn on one of the contrasts of a study, on the grid of its channels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bundle.dicom.contrasts import Channel
from bundle.dicom.stack_files import save_volume
from bundle.volumes import CaseFiles, FileProblem, Grid, Problem, VolumeFile, on_grid, to_class_numbers

if TYPE_CHECKING:
    from SimpleITK import Image, Transform

NAME = "seg"
"""Name of its file beside the channels, as BraTS and the finders have it."""
ITSELF = "channels"
"""Name of the grid of the channels, beside those of the contrasts."""
EMPTY = "it is empty: every slice counts as one without the finding"
"""What people are told of a mask without a voxel."""


class DrawnMask(NamedTuple):
    """Mask as it was drawn.

    Args:
        file: for the words of errors.
        voxels: (X, Y, Z) whole numbers.
        affine: (4, 4), of the grid that it was drawn on.
        drawn_on: name of the contrast with that grid, or ``"channels"``.
        warnings: sentences for people.
    """

    file: str
    voxels: NDArray
    affine: NDArray
    drawn_on: str
    warnings: tuple[str, ...]


def read_drawn_mask(
    file: str | os.PathLike[str], channels: Sequence[Channel], fixed: Grid, contrast: str | None = None
) -> DrawnMask:
    """Read a mask that lies on the grid of a contrast, axes turned or not, or on that of the channels.

    Args:
        file: a volume of whole numbers.
        channels: of the study.
        fixed: grid of the channels.
        contrast: that it was drawn on; None takes the first with its grid.

    Raises:
        FileProblem: it cannot be read, holds fractions, lies on none of these grids; there is no such contrast, or one
            with a name that the mask takes.
    """
    mask, problems = CaseFiles().mask([file], None)
    if mask is None or problems:
        raise FileProblem(problems[0])
    grids = {each.name: Grid(each.name, each.stack.shape, each.stack.affine) for each in channels}
    for taken in grids.keys() & {NAME, ITSELF}:
        raise FileProblem(Problem("the table of contrasts", "leave a name to the mask", taken, "call it otherwise"))
    if contrast not in (None, *grids):
        remedy = f"name one of {', '.join(grids)}"
        raise FileProblem(Problem(mask.file, "be drawn on a contrast of the study", str(contrast), remedy))
    wanted = {**grids, ITSELF: fixed} if contrast is None else {contrast: grids[contrast]}
    turned = {name: on_grid(mask, grid, "mask") for name, grid in wanted.items()}
    fits = {name: volume for name, (volume, found) in turned.items() if not found}
    if not fits:
        raise FileProblem(_stray(mask, wanted, fixed))
    name, volume = next(iter(fits.items()))
    voxels = to_class_numbers(volume.data.reshape(volume.shape[:3]))
    return DrawnMask(mask.file, voxels, volume.affine, name, tuple(_doubts(voxels, name, [*(fits.keys() & grids)])))


def write_drawn_mask(mask: DrawnMask, fixed: Image, transform: Transform, folder: Path) -> dict[str, Any]:
    """Write ``channels/seg.nii.gz``, by nearest neighbor.

    Args:
        mask: see `read_drawn_mask`.
        fixed: grid of the channels.
        transform: of the contrast that it was drawn on, as its registration found it.
        folder: of the case.

    Returns:
        Entry for ``study.json``.

    Raises:
        FileProblem: no voxel of it is left on that grid.
    """
    from bundle.dicom.registration import affine_of_itk, resample_mask

    voxels, outside = resample_mask(mask.voxels, mask.affine, fixed, transform)
    lost = np.setdiff1d(mask.voxels, voxels)
    if lost.size and not voxels.any():
        found, remedy = "no voxel of it there", "take the mask of this study, or a smaller --spacing"
        raise FileProblem(Problem(mask.file, "overlap the first contrast", found, remedy))
    warnings = [*mask.warnings]
    if outside:
        warnings.append(f"{outside} of its {np.count_nonzero(mask.voxels)} voxels lie outside the first contrast")
    if lost.size:
        warnings.append(f"no voxel is left of {lost.tolist()}")
    file = f"channels/{NAME}.nii.gz"
    save_volume(folder / file, voxels, affine_of_itk(fixed))
    return {"file": file, "drawn_on": mask.drawn_on, "voxels": int(np.count_nonzero(voxels)), "warnings": warnings}


def _doubts(voxels: NDArray, name: str, names: Sequence[str]) -> list[str]:
    doubts = [] if voxels.any() else [EMPTY]
    if others := sorted({*names} - {name}):
        doubts.append(
            f"taken as drawn on {name}, but its grid is that of {' and '.join(others)} too: name the contrast"
        )
    return doubts


def _stray(mask: VolumeFile, grids: Mapping[str, Grid], fixed: Grid) -> Problem:
    """Return why a mask is refused, with the share of it that is in the scan."""
    to_fixed = np.linalg.inv(np.asarray(fixed.affine)) @ mask.affine
    places = np.argwhere(mask.data.reshape(mask.shape[:3])) @ to_fixed[:3, :3].T + to_fixed[:3, 3]
    there = ((places > -0.5) & (places < np.array(fixed.shape) - 0.5)).all(axis=1)
    shapes = ", ".join(f"{name} {grid.shape}" for name, grid in grids.items())
    found = f"another one, {mask.shape[:3]}, with {there.sum()} of its {len(there)} voxels in the scan"
    remedy = "draw it there, or resample it with the program in which it was drawn"
    if not mask.oriented:
        remedy = "its header has no orientation: copy that of the contrast to it"
    return Problem(mask.file, f"lie on a grid of the study ({shapes})", found, remedy)
