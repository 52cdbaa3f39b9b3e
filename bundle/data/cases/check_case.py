"""All that can be wrong with one case, found in one go."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bundle.data.cases.case import complete_items
from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE
from bundle.volumes import (
    Problem,
    VolumeFile,
    csv_positive,
    csv_problems,
    geometry_problems,
    image_problems,
    is_slice_image,
    mask_problems,
)


@dataclass(frozen=True)
class CaseRow:
    """One line of the table of cases; None where nothing could be read, or where a case has no label.

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
        item = complete_items([item])[0]
    case, files = str(item[CASE]), _as_list(files=item[IMAGE])
    volumes, problems = _read_images(case=case, files=files, file_order=file_order)
    problems += [found for volume in volumes for found in image_problems(case, volume)]
    problems += [found for volume in volumes[1:] for found in geometry_problems(case, volume, volumes[0], "channel")]
    if len(volumes) == len(_groups(files=files)):
        problems += _channel_problems(case=case, volumes=volumes, in_channels=in_channels)
    first = volumes[0] if volumes else None
    positive, of_label = _check_label(case, item, first, num_classes, positive_above, file_order)
    row = CaseRow(
        case=case,
        patient=str(item[PATIENT]),
        site=str(item[SITE]),
        slices=first.num_slices if first else None,
        positive=positive,
        shape=first.shape if first else None,
        spacing=first.spacing if first else None,
    )
    return row, problems + of_label


def _as_list(*, files: Any) -> list[str]:
    return [str(file) for file in files] if isinstance(files, list | tuple) else [str(files)]


def _groups(*, files: Sequence[str]) -> list[list[str]]:
    """Volume files are read one by one, slice images together."""
    return [list(files)] if is_slice_image(files[0]) else [[file] for file in files]


def _read_images(*, case: str, files: Sequence[str], file_order: bool) -> tuple[list[VolumeFile], list[Problem]]:
    read = [_read(case=case, files=group, what="channel", file_order=file_order) for group in _groups(files=files)]
    return [volume for volume, _ in read if volume], [problem for _, problems in read for problem in problems]


def _read(*, case: str, files: Sequence[str], what: str, file_order: bool) -> tuple[VolumeFile | None, list[Problem]]:
    what = "slice" if is_slice_image(files[0]) and what == "channel" else what
    remedy = "Copy it there, correct the finder's names, or leave the case out."
    missing = [
        Problem(case, file, f"the file of a {what}", "no such file", remedy)
        for file in files
        if not Path(file).exists()
    ]
    if missing:
        return None, missing
    try:
        return VolumeFile.read(files, file_order=file_order), []
    except Exception as error:  # whatever a reader raises at a broken file is the finding
        reason = f"an unreadable file ({type(error).__name__}: {error})"
        remedy = "Truncated or damaged: copy or export it again."
        return None, [Problem(case, files[0], "a readable volume", reason, remedy)]


def _channel_problems(*, case: str, volumes: Sequence[VolumeFile], in_channels: int | None) -> Iterator[Problem]:
    count = sum(volume.num_channels for volume in volumes)
    stack = next((volume for volume in volumes if volume.data.ndim == 4 and not is_slice_image(volume.file)), None)
    if stack is not None and stack.num_channels > 1 and count != in_channels:
        expected = "a 3D volume" + (f", or a 4D one with {in_channels} channels" if in_channels else "")
        remedy = "Take one time point or echo; if the last axis holds channels, set in_channels to their number."
        yield Problem(case, stack.file, expected, f"4D, shape {stack.shape}", remedy)
    elif in_channels is not None and count != in_channels:
        remedy = "Set in_channels, or name all channels in the finder."
        yield Problem(case, volumes[0].file, f"{in_channels} channels (in_channels)", f"{count}", remedy)


def _check_label(
    case: str,
    item: Mapping[str, Any],
    first: VolumeFile | None,
    num_classes: int,
    positive_above: float,
    file_order: bool,
) -> tuple[int | None, list[Problem]]:
    problems: list[Problem] = []
    if item.get(ORGAN):
        organ = _as_list(files=item[ORGAN])
        problems += _read_mask(case=case, files=organ, first=first, what="organ mask", file_order=file_order)[1]
    if not item.get(LABEL):
        return None, problems
    files = _as_list(files=item[LABEL])
    if files[0].lower().endswith(".csv"):
        found = _check_csv(case=case, file=files[0], first=first, num_classes=num_classes)
        return (None if found else csv_positive(files[0])), problems + found
    mask, found = _read_mask(case=case, files=files, first=first, what="mask", file_order=file_order)
    if mask is not None:
        found += mask_problems(case, mask, num_classes)
    return _positive_slices(mask=mask, above=positive_above), problems + found


def _read_mask(
    *, case: str, files: Sequence[str], first: VolumeFile | None, what: str, file_order: bool
) -> tuple[VolumeFile | None, list[Problem]]:
    mask, problems = _read(case=case, files=files, what=what, file_order=file_order)
    if mask is not None and first is not None:
        problems += geometry_problems(case, mask, first, what)
    return mask, problems


def _check_csv(*, case: str, file: str, first: VolumeFile | None, num_classes: int) -> list[Problem]:
    if not Path(file).exists():
        remedy = "Write it, or leave the case out."
        return [Problem(case, file, "a mask or a CSV with slice labels", "no such file", remedy)]
    if first is not None and first.slice_axis != 2:
        # The CSV counts along the third axis of the file; slices of another axis would get its classes mixed up.
        found = f"slices along axis {first.slice_axis} (from 0)"
        remedy = (
            "Reorient the file so that its third axis runs to the head, and count along it, or give a mask. To slice "
            "along the third axis as it is, add configs/orientation/file_order.yaml."
        )
        return [Problem(case, first.file, "slices along the file's third axis, where labels are a CSV", found, remedy)]
    try:
        return list(csv_problems(case, file, first.num_slices if first else None, num_classes))
    except (UnicodeDecodeError, csv.Error) as error:
        return [Problem(case, file, "a CSV in UTF-8", f"{error}", "Save it again as CSV, UTF-8.")]


def _positive_slices(*, mask: VolumeFile | None, above: float) -> int | None:
    if mask is None or mask.data.ndim not in (3, 4):
        return None
    others = tuple(axis for axis in range(mask.data.ndim) if axis != mask.slice_axis)
    return int(np.any(mask.data > above, axis=others).sum())
