"""The whole way of a study: series in; findings, a report and DICOM objects out."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from bundle.clinic.choose_series import NoMatch, choose_series
from bundle.clinic.results import write_results
from bundle.clinic.status import Status
from bundle.clinic.study_network import StudyNetwork
from bundle.dicom import CaseNames, NothingReadable, Stack, find_stacks, read_headers
from bundle.dicom.planes import Study
from bundle.dicom.prepare import _set_aside as describe_asides
from bundle.dicom.stack_files import write_stack
from bundle.files import folder_atomically, is_no_space, write_json
from bundle.reports import write_study_report

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudyOutcome:
    """Outcome of one study.

    Args:
        folder: of its results.
        outcome: ``"read"``, ``"no match"`` or ``"failed"``.
        text: a line for people.
    """

    folder: Path
    outcome: str
    text: str


def read_studies(
    folder: str | os.PathLike[str],
    output_dir: str | os.PathLike[str],
    network: StudyNetwork,
    key_file: str | os.PathLike[str] | None = None,
    series: Sequence[str] | None = None,
) -> list[StudyOutcome]:
    """Read every study in a folder with a network and write its findings, its report and its DICOM objects.

    ``<output_dir>/<case>/`` appears by one rename, whole or not at all. A study that cannot be read leaves a
    ``status.json`` that says why, and takes no other study with it.

    Args:
        folder: with DICOM files at any depth, of one or several patients.
        output_dir: where the cases go.
        network: of a packed bundle.
        key_file: see `CaseNames`; None names cases by patient and study.
        series: Series Numbers that may be read; None allows all.

    Returns:
        One entry a study.

    Raises:
        NothingReadable: the folder holds no stack of slices at all.
        OSError: of the file system, as a full disk.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")  # its words may hold values of a patient's header
        return [
            _read(study, Path(output_dir), network, series) for study in _studies(Path(folder), CaseNames(key_file))
        ]


@dataclass
class _StudyFiles:
    case: str
    study: Study
    stacks: list[Stack]
    set_aside: list[dict[str, Any]] = field(default_factory=list)

    def account(self, chosen: Stack | None, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of ``study.json``: every series is read, refused or set aside, with the reason."""
        refused = [
            {"name": stack.planes[0].label, "problems": [problem.text for problem in stack.problems]}
            for stack in self.stacks
            if stack.problems
        ]
        others = [
            {"kind": "set aside", "name": stack.planes[0].label, "reason": "not chosen", "files": len(stack.planes)}
            for stack in self.stacks
            if not stack.problems and stack is not chosen
        ]
        volumes = [] if chosen is None else [{"name": chosen.planes[0].label, **facts, "flags": chosen.flags}]
        return {"case": self.case, "volumes": volumes, "refused": refused, "set_aside": self.set_aside + others}


def _studies(folder: Path, names: CaseNames) -> list[_StudyFiles]:
    headers = read_headers(folder)
    stacks, asides = find_stacks(headers)
    studies = list(dict.fromkeys(stack.planes[0].study for stack in stacks))
    if not studies:
        lines = [f"  {entry['kind']}: {entry['name']}: {entry['reason']}" for entry in describe_asides(asides, names)]
        raise NothingReadable("\n".join(["the folder must hold a DICOM volume, got none:", *lines]))
    return [
        _StudyFiles(
            names.of_study(study),
            study,
            [stack for stack in stacks if stack.planes[0].study == study],
            describe_asides([aside for aside in asides if aside.study in (study, None)], names),
        )
        for study in studies
    ]


def _read(files: _StudyFiles, output_dir: Path, network: StudyNetwork, series: Sequence[str] | None) -> StudyOutcome:
    status, target = Status(files.case), output_dir / files.case
    try:
        with folder_atomically(target) as part:
            answer = _fill(part, files, network, series, status)
    except NoMatch as error:
        return _without_results(files, target, network, status, "no match", error)
    except Exception as error:  # whatever goes wrong in one study, the others shall have their results
        if is_no_space(error):
            raise
        logger.debug("failed", exc_info=True)
        return _without_results(files, target, network, status, "failed", error)
    return StudyOutcome(target, "read", f"{files.case}: {answer} See {target / 'report.html'}")


def _fill(part: Path, files: _StudyFiles, network: StudyNetwork, series: Sequence[str] | None, status: Status) -> str:
    """Write all results of a study; return the answer as a sentence."""
    stack = choose_series(files.stacks, network.axcodes, series)
    volume = part / "volume"
    with status.timed("read series"):
        facts = write_stack(stack, volume)
    with status.timed("infer"):
        reading, found = network.read(stack, volume / "volume.nii", files.case)
    account = files.account(stack, facts)
    with status.timed("write results"):
        images = np.asanyarray(nib.load(volume / "volume.nii").dataobj)
        write_results(part, reading, found, images, account, network)
    shutil.rmtree(volume)
    status.finish(part, "read", reading=reading, inputs={stack.planes[0].label: facts["inputs_sha256"]})
    answers = zip(reading.classes, reading.present, reading.volume_probability, strict=True)
    return ", ".join(f"{name} {'present' if is_there else 'absent'} ({p:.2f})" for name, is_there, p in answers) + "."


def _without_results(
    files: _StudyFiles, target: Path, network: StudyNetwork, status: Status, outcome: str, error: Exception
) -> StudyOutcome:
    """Leave the record of a study that has no results."""
    with folder_atomically(target) as part:
        account = files.account(None, {})
        write_json(part / "study.json", account)
        write_study_report(part / "report.html", None, None, account, network.metadata, str(error))
        status.finish(part, outcome, error=f"{type(error).__name__}: {error}")
    return StudyOutcome(target, outcome, f"{files.case}: {outcome}: {error}")
