"""Files of a case, read and compared: the one way for the checks, which list problems, and the loaders, which raise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bundle.volumes.checks import finite_problems, form_problems
from bundle.volumes.grid import TOLERANCE_MM, Grid, on_grid
from bundle.volumes.mask import mask_problems
from bundle.volumes.problem import FileProblem, Problem
from bundle.volumes.slice_images import is_slice_image
from bundle.volumes.volume_file import VolumeFile, exists

Files = Sequence[str | os.PathLike[str]]
_MASK_GRIDS = ("by_header", "by_voxel")


@dataclass(frozen=True)
class CaseFiles:
    """Rules by which the files of a case are read.

    Args:
        tolerance_mm: see `grid_problems`.
        mask_grid: ``"by_header"``: masks lie where their header says; ``"by_voxel"``: on the image's voxels, whatever
            their header says.

    Raises:
        ValueError: a rule that does not exist.

    Example:
        >>> volumes, problems = CaseFiles().channels(["nowhere.nii"])
        >>> volumes, problems[0].found
        ([], 'no such file')
    """

    tolerance_mm: float = TOLERANCE_MM
    mask_grid: str = "by_header"

    def __post_init__(self) -> None:
        if self.mask_grid not in _MASK_GRIDS:
            raise ValueError(f"mask_grid must be one of {_MASK_GRIDS}, got {self.mask_grid!r}: choose one of them.")
        if not self.tolerance_mm > 0:
            raise ValueError(f"grid_tolerance_mm must be above 0, got {self.tolerance_mm!r}: 0.1 is the default.")

    def channels(self, files: Files) -> tuple[list[VolumeFile], list[Problem]]:
        """Return the channels that are volumes, on the grid of the first, and all that is wrong with them.

        Args:
            files: one volume a channel, or all slice images of one volume.
        """
        # volume files are read one by one, slice images together
        groups = [files] if is_slice_image(files[0]) else [[file] for file in files]
        volumes: list[VolumeFile] = []
        problems: list[Problem] = []
        for group in groups:
            volume, found = read_file(group, "slice" if is_slice_image(group[0]) else "channel")
            problems += found
            if volume is None or found:
                continue
            problems += finite_problems(volume.file, volume.data)
            if volumes:
                volume, found = on_grid(volume, Grid.of_file(volumes[0]), "channel", tolerance_mm=self.tolerance_mm)
                problems += found
            volumes.append(volume)
        return volumes, problems

    def mask(self, files: Files, reference: Grid | None, what: str = "mask") -> tuple[VolumeFile | None, list[Problem]]:
        """Return a mask on the grid of the image, None where it cannot be read, and all that is wrong with it.

        Args:
            files: the mask, or slice images of one.
            reference: grid of the image; None if it could not be read.
            what: for the remedies.
        """
        mask, problems = read_file(files, what)
        if mask is None or problems:
            return mask, problems
        if mask.num_channels > 1:
            remedy = "merge its layers or channels into one volume of whole numbers (3D Slicer: export as labelmap)"
            found = f"{mask.num_channels} layers or channels, shape {mask.shape}"
            return mask, [Problem(mask.file, "be a mask with one value per voxel", found, remedy)]
        if reference is not None:
            by_voxel = self.mask_grid == "by_voxel"
            mask, problems = on_grid(mask, reference, what, tolerance_mm=self.tolerance_mm, by_voxel=by_voxel)
        return mask, [*problems, *mask_problems(mask.file, mask.data)]


def read_file(files: Files, what: str) -> tuple[VolumeFile | None, list[Problem]]:
    """Read a volume file, or the slice images of one, and say what keeps it from being one.

    Args:
        files: one volume, or all its slice images.
        what: ``"channel"``, ``"mask"``, for the words.
    """
    remedy = "copy it there, correct the finder's names, or leave the case out"
    missing = [
        Problem(os.fspath(file), f"be the file of a {what}", "no such file", remedy)
        for file in files
        if not exists(file)
    ]
    if missing:
        return None, missing
    try:
        volume = VolumeFile.read(files)
    except FileProblem as error:
        return None, [error.problem]
    return volume, list(form_problems(volume))


def mask_files(value: Any, image: Any, key: str) -> tuple[Files, list[Problem]]:
    """Return the file of a mask or CSV, or the slice images of a mask, as a list, and what is wrong with what is given.

    Args:
        value: what a case gives as label or organ: a path, or a list of one path or of slice images.
        image: what the case gives as image, to be named.
        key: ``"label"`` or ``"organ"``.

    Returns:
        No files where there is a problem.

    Example:
        >>> mask_files(["a_seg.nii"], "a.nii", "label")
        (['a_seg.nii'], [])
        >>> [problem.found for problem in mask_files(1, "a.nii", "label")[1]]
        ['1']
    """
    files = list(value) if isinstance(value, list | tuple) else [value]
    where = f"{image[0] if isinstance(image, list | tuple) else image}: its {key}"
    if not files or not all(isinstance(file, str | os.PathLike) and os.fspath(file) for file in files):
        remedy = (
            "one class for a whole volume says nothing of its slices; give a mask, a CSV (slice_index,class), or leave "
            "the label out"
        )
        expected = "be the path of a mask or of a CSV with slice labels"
        return [], [Problem(where, expected, f"{value!r}", remedy)]
    if len(files) > 1 and not all(is_slice_image(file) for file in files):
        remedy = "merge the masks into one volume of whole numbers; lists of slice images are read by LoadSliceStackd"
        return [], [Problem(where, "be one mask file", f"{len(files)} files", remedy)]
    return files, []
