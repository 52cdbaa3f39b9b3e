"""The whole way of a study: series in; findings, a report and DICOM objects out."""

from __future__ import annotations

import logging
import os
import shutil
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from bundle.clinic.bundle_facts import answer_settings
from bundle.clinic.choose_series import NoMatch
from bundle.clinic.results import write_results
from bundle.clinic.status import Status
from bundle.clinic.study_files import Selection, StudyFiles, studies_in
from bundle.clinic.study_network import StudyNetwork
from bundle.dicom import CaseNames, NothingReadable
from bundle.dicom.contrasts import read_rules
from bundle.files import folder_atomically, is_no_space, read_json, write_json
from bundle.reports import told_apart, write_study_report

logger = logging.getLogger(__name__)

_FAILED, NOTHING_READABLE, _NO_MATCH = 1, NothingReadable.exit_status, 4
"""Exit status of a command that reads studies."""


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
    folder: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output_dir: str | os.PathLike[str],
    network: StudyNetwork,
    key_file: str | os.PathLike[str] | None = None,
    selection: Selection | None = None,
    tell: Callable[[StudyOutcome], Any] | None = None,
) -> list[StudyOutcome]:
    """Read every study in a folder with a network and write its findings, its report and its DICOM objects.

    ``<output_dir>/<case>/`` appears by one rename, whole or not at all. A study that cannot be read leaves a
    ``status.json`` that says why, and takes no other study with it.

    Args:
        folder: with DICOM files at any depth, of one or several patients; or several folders, read as one.
        output_dir: where the cases go.
        network: of a packed bundle.
        key_file: see `CaseNames`; None names cases by patient and study.
        selection: of the series; by default of all, contrasts by the rules for MR of the brain.
        tell: called with each outcome as it comes.

    Returns:
        One entry a study.

    Raises:
        NothingReadable: the folder holds no stack of slices at all.
        OSError: of the file system, as a full disk.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")  # its words may hold values of a patient's header
        chosen = selection or Selection(rules=read_rules())
        folders = [folder] if isinstance(folder, str | os.PathLike) else folder
        studies = studies_in([Path(each) for each in folders], CaseNames(key_file))
        outcomes = []
        for study in studies:
            outcomes.append(_read(study, Path(output_dir), network, chosen))
            if tell is not None:
                tell(outcomes[-1])
        return outcomes


def exit_status(outcomes: Iterable[StudyOutcome]) -> int:
    """Return the exit status of a command: 0 every study was read, 1 one failed, 4 one was no match and none failed.

    Example:
        >>> exit_status([StudyOutcome(Path("a"), "read", ""), StudyOutcome(Path("b"), "no match", "")])
        4
    """
    kinds = {outcome.outcome for outcome in outcomes}
    return _FAILED if "failed" in kinds else _NO_MATCH if "no match" in kinds else 0


def _read(study: StudyFiles, output_dir: Path, network: StudyNetwork, selection: Selection) -> StudyOutcome:
    status, target = Status(study.case), output_dir / study.case
    try:
        with folder_atomically(target) as part:
            answer = _fill(part, study, network, selection, status)
    except NoMatch as error:
        return _without_results(study, target, network, status, "no match", error)
    except Exception as error:  # whatever goes wrong in one study, the others shall have their results
        if is_no_space(error):
            raise
        _log_place(error)
        return _without_results(study, target, network, status, "failed", error)
    shutil.rmtree(_failed(target), ignore_errors=True)  # of an earlier try
    return StudyOutcome(target, "read", f"{study.case}: {answer} See {target / 'report.html'}")


def _fill(part: Path, study: StudyFiles, network: StudyNetwork, selection: Selection, status: Status) -> str:
    """Write all results of a study; return the answer as a sentence."""
    place = part / "volumes"
    with status.timed("read series"):
        volumes = study.write_volumes(place, network, selection)
    with status.timed("infer"):
        reading, found = network.read(volumes.stacks, volumes.files, study.case, volumes.warnings)
    with status.timed("write results"):
        images = np.array(nib.load(volumes.files[reading.shown]).dataobj)  # no view of a file that is removed below
        write_results(part, reading, found, images, volumes.account, network)
    shutil.rmtree(place)
    settings = answer_settings(network.root)
    status.finish(part, "read", reading=reading, inputs=volumes.inputs_sha256, settings=settings)
    shown = (told_apart(*both)[0] for both in zip(reading.volume_probability, reading.volume_threshold, strict=True))
    answers = zip(reading.classes, reading.present, shown, strict=True)
    return ", ".join(f"{name} {'present' if is_there else 'absent'} ({p})" for name, is_there, p in answers) + "."


def _without_results(
    study: StudyFiles, target: Path, network: StudyNetwork, status: Status, outcome: str, error: Exception
) -> StudyOutcome:
    """Leave the record of a study that has no results."""
    # the path of a file of the study may hold the name of the patient
    said = str(error.strerror) if isinstance(error, OSError) and error.filename is not None else str(error)
    try:
        if (target / "status.json").is_file() and read_json(target / "status.json")["outcome"] == "read":
            target = _failed(target)  # what was read before stays
        with folder_atomically(target) as part:
            account = study.account()
            write_json(part / "study.json", account)
            write_study_report(part / "report.html", None, None, account, network.metadata, said)
            status.finish(part, outcome, error=f"{type(error).__name__}: {said}")
    except (ValueError, NotADirectoryError) as second:
        _log_place(second)
    return StudyOutcome(target, outcome, f"{study.case}: {outcome}: {said}")


def _log_place(error: Exception) -> None:
    """Log where an error came from, without its words, which may hold a path with the name of a patient."""
    logger.debug("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


def _failed(target: Path) -> Path:
    return target.with_name(f"{target.name}.failed")
