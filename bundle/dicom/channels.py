"""Channels of a case: the contrasts of a study on one grid, with pictures that show how well they fit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundle.dicom.contrasts import Channel
from bundle.dicom.drawn_mask import ITSELF, read_drawn_mask, write_drawn_mask
from bundle.dicom.mask_files import Written
from bundle.dicom.stack_files import save_volume
from bundle.volumes import FileProblem, Grid, Problem

if TYPE_CHECKING:
    from bundle.dicom.registration import Registered

_TILES = 8


def write_channels(
    channels: Sequence[Channel],
    written: Sequence[Written],
    folder: Path,
    spacing: float | None = None,
    mask: tuple[str | os.PathLike[str], str | None] | None = None,
) -> list[dict[str, Any]]:
    """Write ``channels/<name>.nii.gz`` for every contrast, on the grid of the first one, and a mask beside them.

    Args:
        channels: in their order, see `choose_channels`.
        written: the stacks of one study, with those of the channels.
        folder: of the case.
        spacing: of cubic voxels in mm; None keeps the grid of the first contrast, whose slices are those of its series.
        mask: file and contrast, see `read_drawn_mask`.

    Returns:
        Entries for ``study.json``; that of the contrast on which a mask was drawn has it.

    Raises:
        FileProblem: a gantry was tilted, slices are not evenly spaced, or the mask does not belong to the study.
    """
    if not channels:
        return []
    # SimpleITK is needed for several contrasts alone
    from bundle.dicom.registration import affine_of_itk, at_rest, on_spacing, register, to_itk

    folders = {id(one.stack): one.folder for one in written}
    own = [folders[id(channel.stack)] for channel in channels]
    volumes = [to_itk(*_regular(channel, each)) for channel, each in zip(channels, own, strict=True)]
    fixed = volumes[0] if spacing is None else on_spacing(volumes[0], spacing)
    grid = Grid(ITSELF, fixed.GetSize(), affine_of_itk(fixed))
    drawn = None if mask is None else read_drawn_mask(mask[0], channels, grid, mask[1])
    frames = [channel.stack.planes[0].frame_of_reference for channel in channels]
    moved = [at_rest(fixed)]
    for moving, frame in zip(volumes[1:], frames[1:], strict=True):
        moved.append(register(fixed, moving, same_frame=frame == frames[0]))
    (folder / "channels").mkdir()
    table = f"{own[0].name}/slices.csv" if spacing is None else None
    entries = [_write(*pair, moved[0], folder, grid, table) for pair in zip(channels, moved, strict=True)]
    if drawn is not None:
        index = max(0, [ITSELF, *(channel.name for channel in channels)].index(drawn.drawn_on) - 1)
        entries[index]["masks"] = [write_drawn_mask(drawn, fixed, moved[index].transform, folder)]
    return entries


def _write(
    channel: Channel, moved: Registered, first: Registered, folder: Path, grid: Grid, table: str | None
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": channel.name,
        "file": f"channels/{channel.name}.nii.gz",
        "series_instance_uid": channel.stack.planes[0].series,
        "rule": dict(channel.rule),
        "slices": table,
    }
    if moved is not first:
        picture = f"channels/checkerboard_{channel.name}.png"
        _checkerboard(first.voxels, moved.voxels).save(folder / picture)
        entry |= {"registration": moved.facts, "checkerboard": picture, "warning": moved.warning}
    save_volume(folder / entry["file"], moved.voxels, np.asarray(grid.affine))
    return entry


def _regular(channel: Channel, folder: Path) -> tuple[NDArray, NDArray]:
    if unfit := channel.stack.flags.keys() & {"tilt", "uneven"}:
        found, remedy = f"a stack flagged {' and '.join(sorted(unfit))}", "leave it out"
        raise FileProblem(Problem(channel.stack.planes[0].label, "lie on a regular grid", found, remedy))
    return np.asarray(nib.load(folder / "volume.nii").dataobj), channel.stack.affine


def _checkerboard(first: NDArray, other: NDArray) -> Image.Image:
    """Return the middle slice, its tiles in turn of the one and of the other volume."""
    one, two = (_gray(volume[:, :, volume.shape[2] // 2].T) for volume in (first, other))
    rows, columns = np.indices(one.shape) * _TILES // np.array(one.shape)[:, None, None]
    return Image.fromarray(np.where((rows + columns) % 2, two, one))


def _gray(image: NDArray) -> NDArray:
    low, high = np.percentile(image, [1, 99])
    return (np.clip((image - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
