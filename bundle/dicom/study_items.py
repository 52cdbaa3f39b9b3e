"""Cases of an inference from a folder of DICOM studies: each stack is one, read when its turn comes."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from typing import Any

from bundle.dicom.account import NothingReadable, aside_line, entries_of, name_rows
from bundle.dicom.case_names import CaseNames, NumberedNames
from bundle.dicom.prepare import series_folder
from bundle.dicom.stack_files import slice_rows
from bundle.keys import CASE, IMAGE, INSTANCES, PATIENT
from bundle.volumes.dicom_series import Stack, find_stacks, quiet, read_headers, read_stack
from bundle.volumes.dicom_series.planes import Study
from bundle.volumes.nifti import Voxels
from bundle.volumes.problem import raise_first
from bundle.volumes.volume_file import VolumePath

logger = logging.getLogger(__name__)
_LEVELS = {"set aside": logging.INFO, "not DICOM": logging.INFO}
"""What else is left out may be what was meant."""


class StackVolume(VolumePath):
    """Stack of slices in the place of a volume file; its path is a name that tells nobody whose it is.

    Args:
        name: of the case.
        stack: a refused one raises its problems when it is read.
    """

    def __init__(self, name: str, stack: Stack) -> None:
        super().__init__(name)
        self.stack = stack

    def exists(self) -> bool:
        """Return True: its files were there when their headers were read."""
        return True

    def read(self) -> Voxels:
        """Return voxels and affine.

        Raises:
            FileProblem: the stack is refused, or pixels are missing or damaged.
        """
        if self._voxels is None:
            raise_first(self.stack.problems)
            with quiet():
                self._voxels = Voxels(read_stack(self.stack), self.stack.affine)
        return self._voxels


def study_items(folder: str | os.PathLike[str], key_file: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """Return a case dict for every stack in a folder of DICOM studies, also for those that are refused.

    What is set aside is logged, and so are flags. Which stacks there are, what is refused and where a slice lies is
    told as by `prepare_study`.

    Args:
        folder: with DICOM files at any depth, of one or several patients.
        key_file: names studies by a keyed hash, see `CaseNames`; None counts them.

    Returns:
        ``image``, ``case``, ``patient`` and ``instances``, the latter a JSON list with the rows of ``slices.csv``.

    Raises:
        NothingReadable: there is no stack, though there are DICOM files.

    Example:
        >>> import tempfile
        >>> study_items(tempfile.mkdtemp())
        []
    """
    with quiet():
        headers = read_headers(folder)
        stacks, asides = find_stacks(headers)
    names = NumberedNames() if key_file is None else CaseNames(key_file)
    entries = entries_of(asides, names)
    if not stacks:
        if all(aside.kind == "not DICOM" for aside in asides):
            return []
        lines = map(aside_line, entries)
        raise NothingReadable("\n".join(["dataset_dir must hold a readable DICOM volume, got none:", *lines]))
    for entry in entries:
        logger.log(_LEVELS.get(entry["kind"], logging.WARNING), aside_line(entry).strip())
    used: dict[Study, Counter[str]] = {}
    items = [_item(stack, names, used.setdefault(stack.planes[0].study, Counter())) for stack in stacks]
    names.keep(list(name_rows(names, used, headers, asides)))
    return items


def _item(stack: Stack, names: CaseNames, used: Counter[str]) -> dict[str, Any]:
    study = stack.planes[0].study
    name = f"{names.of_study(study)}_{series_folder(stack, used)}"
    for flag in stack.flags.values():
        logger.warning(f"{name}: {flag}")
    return {
        IMAGE: StackVolume(name, stack),
        CASE: name,
        PATIENT: names.of_patient(study),
        INSTANCES: json.dumps([*slice_rows(stack)]),
    }
