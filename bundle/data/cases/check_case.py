"""Check of one case: everything that is wrong with its files, in one go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bundle.data.cases.case import with_identities
from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE
from bundle.volumes import (
    DISPLAY_AXES,
    TOLERANCE_MM,
    CaseFiles,
    Grid,
    MaskValues,
    Problem,
    VolumeFile,
    channel_problems,
    contrast_problems,
    count_positive,
    is_slice_image,
    label_problems,
    mask_files,
    mask_problems,
    mask_warnings,
    slice_axis,
    slicing_problems,
    to_class_numbers,
)


@dataclass(frozen=True)
class CaseRow:
    """Line of the table of cases; None where nothing could be read, or where a case has no label.

    Args:
        case: id of the case.
        patient: whose scan it is.
        site: where it comes from.
        slices: number of slices.
        positive: slices that show the finding.
        shape: shape of the first file.
        spacing: voxel size in millimeters.
    """

    case: str
    patient: str
    site: str
    slices: int | None
    positive: int | None
    shape: tuple[int, ...] | None
    spacing: tuple[float, ...] | None


def check_case(
    item: Mapping[str, Any],
    in_channels: int | None = None,
    *,
    num_classes: int = 1,
    positive_above: float = 0,
    file_order: bool = False,
    axcodes: str = DISPLAY_AXES,
    mask_values: Sequence[int] | None = None,
    ignored_mask_value: int | None = None,
    mask_grid: str = "by_header",
    grid_tolerance_mm: float = TOLERANCE_MM,
) -> tuple[CaseRow, list[Problem]]:
    """Read the files of a case and return its row of the table with everything that is wrong with it.

    Args:
        item: case dictionary.
        in_channels: channels that the files hold together; a 4D file is refused unless it holds that many.
        num_classes: with several classes, mask values and CSV classes must be below this number.
        positive_above: mask values above this make a slice positive (1 where 1 is the organ and 2 the lesion).
        file_order: slices lie along the third axis of the file, as with `FileOrderd`, and not along the body.
        axcodes: of `Orientationd`, without `file_order`; slices lie along the last.
        mask_values: mask values that are the finding, see `MaskValues`; None: all above `positive_above`.
        ignored_mask_value: value of voxels of which the reader was unsure.
        mask_grid: see `LoadCaseFilesd`.
        grid_tolerance_mm: see `LoadCaseFilesd`.

    Example:
        >>> row, problems = check_case({"image": "not/there.nii", "case": "a", "patient": "a", "site": "x"})
        >>> problems[0].found, row.shape
        ('no such file', None)
    """
    if CASE not in item or PATIENT not in item or SITE not in item:
        item = with_identities([item])[0]
    checked = _CaseCheck(
        item,
        files=CaseFiles(grid_tolerance_mm, mask_grid),
        choice=MaskValues(mask_values, ignored_mask_value),
        num_classes=num_classes,
        positive_above=positive_above,
        axcodes=None if file_order else axcodes,
    )
    problems = [*checked.check_images(in_channels), *checked.check_organ(), *checked.check_label()]
    first = checked.first
    case, patient, site = (str(item[key]) for key in (CASE, PATIENT, SITE))
    size = (first.shape, first.spacing) if first else (None, None)
    row = CaseRow(case, patient, site, checked.num_slices, checked.positive, *size)
    return row, [problem.of_case(row.case) for problem in problems]


@dataclass
class _CaseCheck:
    """Files of a case as they are read and compared, one after the other."""

    item: Mapping[str, Any]
    files: CaseFiles
    choice: MaskValues
    num_classes: int
    positive_above: float
    axcodes: str | None
    first: VolumeFile | None = None
    grid: Grid | None = None
    positive: int | None = None

    @property
    def slice_axis(self) -> int:
        return 2 if self.first is None else slice_axis(self.first.affine, self.axcodes)

    @property
    def num_slices(self) -> int | None:
        return None if self.first is None else self.first.shape[self.slice_axis]

    def check_images(self, in_channels: int | None) -> Iterator[Problem]:
        """Yield problems of all channels; `first` becomes the first that can be read."""
        files = self.item[IMAGE] if isinstance(self.item[IMAGE], list | tuple) else [self.item[IMAGE]]
        volumes, problems = self.files.channels(files)
        yield from problems
        if not volumes:
            return
        self.first, self.grid = volumes[0], Grid.of_file(volumes[0])
        yield from (warning for volume in volumes for warning in volume.warnings)
        yield from () if len(files) > 1 and is_slice_image(files[0]) else slicing_problems(self.first, self.axcodes)
        if not problems:
            yield from (problem for volume in volumes for problem in contrast_problems(volume))
            yield from channel_problems(volumes, in_channels)

    def check_organ(self) -> Iterator[Problem]:
        """Yield problems of the organ mask, if the case has one."""
        if self.item.get(ORGAN) is not None:
            files, problems = mask_files(self.item[ORGAN], self.item[IMAGE], ORGAN)
            yield from problems
            if files:
                yield from self.files.mask(files, self.grid, "organ mask")[1]

    def check_label(self) -> Iterator[Problem]:
        """Yield problems of the mask or the CSV of slice labels, if the case has one; count positive slices."""
        if self.item.get(LABEL) is None:
            return
        files, problems = mask_files(self.item[LABEL], self.item[IMAGE], LABEL)
        yield from problems
        if not files:
            return
        if os.fspath(files[0]).lower().endswith(".csv"):
            problems = list(self._check_csv(os.fspath(files[0])))
            self.positive = None if any(problem.is_error for problem in problems) else count_positive(files[0])
            yield from problems
            return
        mask, problems = self.files.mask(files, self.grid, "mask")
        yield from problems
        if mask is not None and not problems:
            yield from self._check_values(mask)

    def _check_values(self, mask: VolumeFile) -> Iterator[Problem]:
        values = to_class_numbers(mask.data)
        classes = self.choice.classes(values, self.num_classes)
        above = self.positive_above if self.choice.values is None else 0
        other = tuple(axis for axis in range(classes.ndim) if axis != self.slice_axis)
        self.positive = int(np.any(classes > above, axis=other).sum())
        problems = list(mask_problems(mask.file, classes, self.num_classes))
        yield from problems or mask_warnings(mask.file, values, self.num_classes, self.choice)

    def _check_csv(self, file: str) -> Iterator[Problem]:
        if not Path(file).exists():
            remedy = "write it, or leave the case out"
            yield Problem(file, "be a mask or a CSV with slice labels", "no such file", remedy)
        elif self.first is not None and self.slice_axis != 2:
            # the CSV counts along the third axis of the file; slices of another axis would get its classes mixed up
            remedy = (
                "reorient the file so that its third axis runs to the head, and count along it, or give a mask; to "
                "slice along the third axis as it is, add configs/orientation/file_order.yaml"
            )
            expected = "have its slices along the file's third axis, where labels are a CSV"
            yield Problem(self.first.file, expected, f"slices along axis {self.slice_axis} (from 0)", remedy)
        else:
            yield from label_problems(file, self.num_slices, self.num_classes)
