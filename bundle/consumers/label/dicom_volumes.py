"""Volumes of DICOM studies, made by the clinic's reader, so that viewer, network and labels share one grid."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bundle.clinic import NoMatch, Selection, StudyNetwork
from bundle.clinic.study_files import StudyFiles, studies_in
from bundle.consumers.label.image_files import ImageFiles, channel_name, folder_image
from bundle.dicom import CaseNames, NothingReadable
from bundle.files import folder_atomically, read_json, write_json

logger = logging.getLogger(__name__)
PATIENT_FILE = ".patient"
"""In the folder of a study: keyed hash of its patient, so that a training keeps the studies of one together."""

SERIES_WARNINGS = "series_warnings"
"""Entry of an answer, and of the file that it comes from."""
_WARNINGS_FILE = ".warnings.json"
"""In the folder of a study: what is unusual about its series, for every answer that is given of its volumes."""


def dicom_volumes(
    folder: Path,
    network: StudyNetwork,
    selection: Selection,
    place: Path,
    series: str | None = None,
    key_file: Path | None = None,
) -> ImageFiles:
    """Return the volumes that a network reads of one DICOM study.

    Args:
        folder: with the DICOM files of one study, at any depth.
        network: whose channels and direction of slices decide.
        selection: of the series.
        place: folder for the volumes.
        series: UID of the series that the volumes must have the grid of; None takes any.
        key_file: see `CaseNames`; None makes a key for this call.

    Raises:
        NoMatch: the study holds no series, or several, that the network reads.
        NothingReadable: the folder holds no stack of slices at all.
        ValueError: it holds several studies, or a series is damaged.
    """
    with _quiet():
        names = CaseNames(key_file or place / "key")
        studies = list(studies_in([folder], names))
        if len(studies) != 1:
            raise ValueError(f"the folder must hold one DICOM study, got {len(studies)}: choose the folder of one.")
        return _written(studies[0], network, selection, place / studies[0].case, names, series)


def convert_studies(folder: Path, network: StudyNetwork, selection: Selection, key_file: Path) -> Iterator[ImageFiles]:
    """Write the DICOM studies of a folder as volumes, once; yield those that are there.

    Each becomes the folder ``<folder>/<case>/`` with ``<case>_<channel>.nii``. Cases are named by a keyed hash: no name
    of a patient reaches a client.

    Args:
        folder: of the studies.
        network: whose channels and direction of slices decide.
        selection: of the series.
        key_file: see `CaseNames`.
    """
    with _quiet():
        try:
            studies = list(studies_in([folder], names := CaseNames(key_file)))
        except NothingReadable:
            return
        for study in studies:
            try:
                yield _written(study, network, selection, folder / study.case, names)
            except (NoMatch, ValueError) as error:
                logger.warning(f"{study.case} is left out: {error}")


def _written(
    study: StudyFiles,
    network: StudyNetwork,
    selection: Selection,
    target: Path,
    names: CaseNames,
    series: str | None = None,
) -> ImageFiles:
    channels = [channel_name(channel) for channel in network.channels]
    if not target.exists():
        with folder_atomically(target) as part:
            volumes = study.write_volumes(part / "series", network, selection)
            first = volumes.stacks[0].planes[0]
            if series not in (None, first.series):
                raise ValueError(
                    f"the series opened must be the one of the first channel, {channels[0]}, got another: open "
                    f"{first.label}, on whose slices the answer lies."
                )
            flags = [f"{s.planes[0].label}: {words}." for s in volumes.stacks for words in s.flags.values()]
            for warning in (told := [*volumes.warnings, *flags]):
                logger.warning(f"{study.case}: {warning}")
            write_json(part / _WARNINGS_FILE, {SERIES_WARNINGS: told})
            for file, channel in zip(volumes.files, channels, strict=True):
                shutil.move(file, part / f"{study.case}_{channel}{''.join(file.suffixes)}")
            shutil.rmtree(part / "series")
            (part / PATIENT_FILE).write_text(names.of_patient(first.study))
    image = folder_image(target, channels)
    if image is None:
        raise ValueError(f"{study.case} must be a folder of volumes, got none: remove it to have it written anew.")
    return image


def series_warnings(volume: Path) -> list[str]:
    """Return what is unusual about the DICOM series of a volume; nothing for a file that is of none.

    Args:
        volume: any file of an image.
    """
    return list(read_json(volume.with_name(_WARNINGS_FILE), {}).get(SERIES_WARNINGS, ()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from words that may hold values of a patient's header."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield
