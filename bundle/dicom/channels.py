"""Channels of a case: the contrasts of a study on one grid, with pictures that show how well they fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bundle.dicom.contrasts import Channel
from bundle.dicom.mask_files import Written
from bundle.dicom.stack_files import save_volume
from bundle.volumes.problem import FileProblem, Problem

_TILES = 8


def write_channels(
    channels: Sequence[Channel], written: Sequence[Written], folder: Path, spacing: float | None = None
) -> list[dict[str, Any]]:
    """Write ``channels/<name>.nii.gz`` for every contrast, on the grid of the first one.

    Args:
        channels: in their order, see `choose_channels`.
        written: the stacks of one study, with those of the channels.
        folder: of the case.
        spacing: of cubic voxels in mm; None keeps the grid of the first contrast, whose slices are those of its series.

    Returns:
        Entries for ``study.json``.

    Raises:
        FileProblem: a gantry was tilted, or slices are not evenly spaced.
    """
    folders = {id(one.stack): one.folder for one in written}
    if not channels:
        return []
    # SimpleITK is needed for several contrasts alone
    from bundle.dicom.registration import affine_of_itk, from_itk, on_spacing, register, to_itk

    volumes = [to_itk(*_regular(channel, folders[id(channel.stack)])) for channel in channels]
    fixed = volumes[0] if spacing is None else on_spacing(volumes[0], spacing)
    affine, frame = affine_of_itk(fixed), channels[0].stack.planes[0].frame_of_reference
    (folder / "channels").mkdir()
    entries = []
    first: NDArray | None = None
    for channel, moving in zip(channels, volumes, strict=True):
        plane, entry = channel.stack.planes[0], _entry(channel)
        if first is None:
            first = voxels = from_itk(fixed)
        else:
            moved = register(fixed, moving, same_frame=plane.frame_of_reference == frame)
            voxels = moved.voxels
            picture = f"channels/checkerboard_{channel.name}.png"
            _checkerboard(first, voxels).save(folder / picture)
            entry |= {"registration": moved.facts, "checkerboard": picture, "warning": moved.warning}
        save_volume(folder / entry["file"], voxels, affine)
        entries.append(entry)
    return entries


def _entry(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "file": f"channels/{channel.name}.nii.gz",
        "series_instance_uid": channel.stack.planes[0].series,
        "rule": dict(channel.rule),
    }


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
