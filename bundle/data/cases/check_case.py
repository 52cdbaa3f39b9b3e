"""Check of one case: everything that is wrong with its files, in one go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.data.cases.case import with_identities
from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE
from bundle.volumes import (
    Grid,
    Problem,
    VolumeFile,
    count_positive,
    grid_problems,
    image_problems,
    is_slice_image,
    label_problems,
    mask_problems,
    mask_warnings,
)

_Files = Sequence[str | os.PathLike[str]]


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
) -> tuple[CaseRow, list[Problem]]:
    """Read the files of a case and return its row of the table with everything that is wrong with it.

    Args:
        item: case dictionary.
        in_channels: channels that the files hold together; a 4D file is refused unless it holds that many.
        num_classes: with several classes, mask values and CSV classes must be below this number.
        positive_above: mask values above this make a slice positive (1 where 1 is the organ and 2 the lesion).
        file_order: slices lie along the third axis of the file, as with `FileOrderd`, and not along the body.

    Example:
        >>> row, problems = check_case({"image": "not/there.nii", "case": "a", "patient": "a", "site": "x"})
        >>> problems[0].found, row.shape
        ('no such file', None)
    """
    if CASE not in item or PATIENT not in item or SITE not in item:
        item = with_identities([item])[0]
    checked = _CaseFiles(item, num_classes=num_classes, positive_above=positive_above, file_order=file_order)
    problems = [*checked.check_images(in_channels), *checked.check_organ(), *checked.check_label()]
    first = checked.first
    case, patient, site = (str(item[key]) for key in (CASE, PATIENT, SITE))
    size = (first.shape, first.spacing) if first else (None, None)
    row = CaseRow(case, patient, site, first.num_slices if first else None, checked.positive, *size)
    return row, [problem.of_case(row.case) for problem in problems]


class _CaseFiles:
    """Files of a case as they are read and compared, one after the other."""

    def __init__(self, item: Mapping[str, Any], *, num_classes: int, positive_above: float, file_order: bool) -> None:
        self.item = item
        self.num_classes = num_classes
        self.positive_above = positive_above
        self.file_order = file_order
        self.first: VolumeFile | None = None
        self.positive: int | None = None

    def check_images(self, in_channels: int | None) -> Iterator[Problem]:
        """Yield problems of all channels; `first` becomes the first that can be read."""
        files = _as_list(files=self.item[IMAGE])
        # volume files are read one by one, slice images together
        groups = [files] if is_slice_image(files[0]) else [[file] for file in files]
        volumes: list[VolumeFile] = []
        for group in groups:
            volume, unread = self._read(group, "slice" if is_slice_image(group[0]) else "channel")
            yield from unread
            volumes += [volume] if volume else []
        self.first = volumes[0] if volumes else None
        for volume in volumes:
            yield from image_problems(volume)
        for volume in volumes[1:]:
            yield from grid_problems(Grid.of_file(volume), Grid.of_file(volumes[0]), "channel")
        if len(volumes) == len(groups):
            yield from _channel_problems(volumes=volumes, in_channels=in_channels)

    def check_organ(self) -> Iterator[Problem]:
        """Yield problems of the organ mask, if the case has one."""
        if self.item.get(ORGAN):
            yield from self._read_mask(_as_list(files=self.item[ORGAN]), "organ mask")[1]

    def check_label(self) -> Iterator[Problem]:
        """Yield problems of the mask or the CSV of slice labels, if the case has one; count positive slices."""
        if not self.item.get(LABEL):
            return
        files = _as_list(files=self.item[LABEL])
        if os.fspath(files[0]).lower().endswith(".csv"):
            problems = list(self._check_csv(os.fspath(files[0])))
            self.positive = None if problems else count_positive(files[0])
            yield from problems
            return
        mask, problems = self._read_mask(files, "mask")
        yield from problems
        if mask is not None:
            self.positive = mask.positive_slices(self.positive_above)
            yield from self._check_values(mask)

    def _check_values(self, mask: VolumeFile) -> Iterator[Problem]:
        if mask.num_channels > 1 or mask.data.ndim not in (3, 4):
            remedy = "merge the channels into one volume of whole numbers"
            yield Problem(mask.file, "be a mask with one value per voxel", f"shape {mask.shape}", remedy)
            return
        errors = list(mask_problems(mask.file, mask.data, self.num_classes))
        yield from errors or mask_warnings(mask, self.num_classes)

    def _check_csv(self, file: str) -> Iterator[Problem]:
        if not Path(file).exists():
            remedy = "write it, or leave the case out"
            yield Problem(file, "be a mask or a CSV with slice labels", "no such file", remedy)
        elif self.first is not None and self.first.slice_axis != 2:
            # the CSV counts along the third axis of the file; slices of another axis would get its classes mixed up
            remedy = (
                "reorient the file so that its third axis runs to the head, and count along it, or give a mask; to "
                "slice along the third axis as it is, add configs/orientation/file_order.yaml"
            )
            expected = "have its slices along the file's third axis, where labels are a CSV"
            found = f"slices along axis {self.first.slice_axis} (from 0)"
            yield Problem(self.first.file, expected, found, remedy)
        else:
            yield from label_problems(file, self.first.num_slices if self.first else None, self.num_classes)

    def _read_mask(self, files: _Files, what: str) -> tuple[VolumeFile | None, list[Problem]]:
        mask, problems = self._read(files, what)
        if mask is not None and self.first is not None:
            problems += grid_problems(Grid.of_file(mask), Grid.of_file(self.first), what)
        return mask, problems

    def _read(self, files: _Files, what: str) -> tuple[VolumeFile | None, list[Problem]]:
        remedy = "copy it there, correct the finder's names, or leave the case out"
        missing = [
            Problem(os.fspath(file), f"be the file of a {what}", "no such file", remedy)
            for file in files
            if not Path(file).exists()
        ]
        if missing:
            return None, missing
        try:
            return VolumeFile.read(files, file_order=self.file_order), []
        except Exception as error:  # whatever a reader raises at a broken file is the finding
            reason = f"an unreadable file ({type(error).__name__}: {error})"
            remedy = "truncated or damaged: copy or export it again"
            return None, [Problem(os.fspath(files[0]), "be a readable volume", reason, remedy)]


def _as_list(*, files: Any) -> list[str | os.PathLike[str]]:
    return list(files) if isinstance(files, list | tuple) else [files]


def _channel_problems(*, volumes: Sequence[VolumeFile], in_channels: int | None) -> Iterator[Problem]:
    count = sum(volume.num_channels for volume in volumes)
    stack = next((volume for volume in volumes if volume.data.ndim == 4 and not is_slice_image(volume.file)), None)
    if stack is not None and stack.num_channels > 1 and count != in_channels:
        expected = "be a 3D volume" + (f", or a 4D one with {in_channels} channels" if in_channels else "")
        remedy = "take one time point or echo; if the last axis holds channels, set in_channels to their number"
        yield Problem(stack.file, expected, f"4D, shape {stack.shape}", remedy)
    elif in_channels is not None and count != in_channels:
        remedy = "set in_channels, or name all channels in the finder"
        yield Problem(volumes[0].file, f"make {in_channels} channels (in_channels) with its case", f"{count}", remedy)
