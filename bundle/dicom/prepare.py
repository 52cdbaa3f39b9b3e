"""A study folder prepared for inference: a volume and a table of its slices per stack, and an account of everything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom

from bundle.dicom.account import NothingReadable, PreparedCase, aside_line, entries_of, folders_of, name_rows
from bundle.dicom.case_names import CaseNames
from bundle.dicom.channels import write_channels
from bundle.dicom.contrasts import choose_channels, read_rules
from bundle.dicom.mask_files import Written, write_masks
from bundle.dicom.masks import MASK_KINDS
from bundle.dicom.stack_files import write_stack
from bundle.files import folder_atomically, write_json
from bundle.volumes.dicom_series import Headers, Stack, find_stacks, quiet, read_headers
from bundle.volumes.problem import FileProblem, Problem

_Entries = list[dict[str, Any]]
_Join = Callable[[Sequence[Written], Path], tuple[_Entries, _Entries]]


def prepare_study(
    folder: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    key_file: str | os.PathLike[str] | None = None,
    *,
    contrasts: str | os.PathLike[str] | None = None,
    spacing: float | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_contrast: str | None = None,
) -> list[PreparedCase]:
    """Make of every stack of every study in a folder a volume file with a table of its slices.

    ``<output_dir>/<case>/<series>/volume.nii`` with ``slices.csv`` beside it, and ``<output_dir>/<case>/study.json``
    with what was read, refused and set aside. A case appears by one rename, whole or not at all.

    Args:
        folder: with DICOM files at any depth, of one or several patients.
        output_dir: where the cases go.
        key_file: see `CaseNames`; None names cases by patient and study.
        contrasts: table of rules by which series of a study become channels on one grid, see `read_rules`.
        spacing: of the voxels of that grid in mm; None takes the grid of the first contrast.
        mask: file of a mask for that grid, drawn on one of the contrasts, see `read_drawn_mask`.
        mask_contrast: name of the contrast that it was drawn on; None takes the first with its grid.

    Returns:
        One entry a study.

    Raises:
        NothingReadable: no stack could be read.
        FileProblem: the mask does not belong to the channels of the one study in the folder.
        ValueError: a spacing that is none; spacing or mask without contrasts.
        OSError: of the file system, as a full disk.

    Example:
        >>> import tempfile
        >>> prepare_study(tempfile.mkdtemp(), tempfile.mkdtemp())
        Traceback (most recent call last):
        bundle.dicom.account.NothingReadable: the folder must hold a readable DICOM volume, got none:
    """
    if spacing is not None and not spacing > 0:
        raise ValueError(f"spacing must be above 0 mm, got {spacing:g}: 1 is that of BraTS.")
    if contrasts is None and (spacing, mask) != (None, None):
        raise ValueError("contrasts must be given with spacing or mask, got none: bundle/dicom/contrasts.yaml is one.")
    with quiet():
        names, rules = CaseNames(key_file), {} if contrasts is None else read_rules(contrasts)
        drawn = None if mask is None else (mask, mask_contrast)
        headers = read_headers(folder)
        studies = len({plane.study for plane in headers.planes})
        if mask is not None and studies > 1:
            raise ValueError(f"mask must belong to the one study of a folder, got {studies}: name its folder alone.")
        return _prepare_all(headers, Path(output_dir), names, partial(_join, rules=rules, spacing=spacing, mask=drawn))


def _join(
    written: Sequence[Written],
    folder: Path,
    rules: Mapping[str, Sequence[Mapping[str, Any]]],
    spacing: float | None,
    mask: tuple[str | os.PathLike[str], str | None] | None,
) -> tuple[_Entries, _Entries]:
    """Return entries of channels, and of their refusal, which is an error where a mask was to lie beside them."""
    try:
        channels = choose_channels([one.stack for one in written], rules) if rules else []
        if mask is not None and not channels:
            found, remedy = "no series that a rule takes", "add a rule to the table of contrasts"
            raise FileProblem(Problem("the study", "hold a contrast for the mask", found, remedy))
        return write_channels(channels, written, folder, spacing, mask), []
    except FileProblem as error:
        if mask is not None:
            raise
        return [], [{"name": "contrasts", "problems": [str(error)]}]


def _prepare_all(headers: Headers, output_dir: Path, names: CaseNames, join: _Join) -> list[PreparedCase]:
    stacks, asides = find_stacks(headers)
    studies = list(dict.fromkeys([*(s.planes[0].study for s in stacks), *(a.study for a in asides if a.study)]))
    names.keep(list(name_rows(names, studies, headers, asides)))
    cases = []
    for study in studies:
        mine = [stack for stack in stacks if stack.planes[0].study == study]
        others = [aside for aside in asides if aside.study in (study, None)]
        masks = [aside for aside in others if aside.reason in MASK_KINDS]
        left = [aside for aside in others if aside not in masks]
        case = names.of_study(study)
        about = {
            "case": case,
            "patient": names.of_patient(study),
            "study_instance_uid": study.uid,
            "set_aside": entries_of(left, names, folders_of(study, headers.planes)),
        }
        identity = None if names.key_file is None else (study.patient, headers.names.get(study, ""))
        cases.append(_prepare(mine, partial(write_masks, masks, identity), about, output_dir / case, join))
    if not any(case.account["volumes"] for case in cases):
        why = [case.text for case in cases] or [aside_line(entry) for entry in entries_of(asides, names)]
        raise NothingReadable("\n".join(["the folder must hold a readable DICOM volume, got none:", *why]))
    return cases


def _prepare(
    stacks: Iterable[Stack],
    mask_writer: Callable[[Sequence[Written]], list[dict[str, Any]]],
    about: Mapping[str, Any],
    folder: Path,
    join: _Join,
) -> PreparedCase:
    with folder_atomically(folder) as part:
        written, refused = _write_stacks(stacks, part)
        refused += mask_writer(written)
        channels, clash = join(written, part)
        refused += clash
        account = {
            **about,
            "volumes": [one.entry for one in written],
            "channels": channels,
            "refused": refused,
            "versions": {"pydicom": pydicom.__version__, "nibabel": nib.__version__, "numpy": np.__version__},
        }
        write_json(part / "study.json", account)
    return PreparedCase(folder, account)


def _write_stacks(stacks: Iterable[Stack], part: Path) -> tuple[list[Written], list[dict[str, Any]]]:
    used: Counter[str] = Counter()
    written: list[Written] = []
    refused: list[dict[str, Any]] = []
    for stack in stacks:
        name = series_folder(stack, used)
        about = {"name": name, "series_instance_uid": stack.planes[0].series, "slices": len(stack.planes)}
        problems = [problem.text for problem in stack.problems]
        try:
            facts = {} if problems else write_stack(stack, part / name)
            entry = {**about, "file": f"{name}/volume.nii", **facts, "flags": stack.flags}
        except FileProblem as error:
            problems = [str(error)]
        if problems:
            refused.append({**about, "problems": problems})
        else:
            written.append(Written(stack, part / name, entry))
    return written, refused


def series_folder(stack: Stack, used: Counter[str]) -> str:
    """Return a name for a stack, by the number and modality of its series.

    Args:
        stack: of a study.
        used: names of the study's stacks so far; it is changed.
    """
    plane = stack.planes[0]
    number = "".join(letter for letter in plane.number if letter.isdigit())
    name = f"series{number}_{''.join(letter for letter in plane.modality.lower() if letter.isalnum())}"
    used[name] += 1
    return name if used[name] == 1 else f"{name}_{used[name]}"
