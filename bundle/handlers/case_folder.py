"""Folder of a case's results: its name, and which are there."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

from bundle.files import read_csv

INSTANCE = "sop_instance_uid"
"""Column of slices.csv."""


def case_folder(output_dir: str | os.PathLike[str], case: str, instances: str = "[]") -> Path:
    """Return `<output_dir>/<case>`, refusing names that would lead elsewhere, and results of other images there.

    Case names come from file names and data lists: they are not to be trusted.

    Args:
        output_dir: of all cases.
        case: its name.
        instances: of a DICOM series, the JSON list of its slices.

    Raises:
        ValueError: the name is empty, starts with a dot, or holds a path separator or a control character; see
            `require_same_images`.

    Example:
        >>> case_folder("results", "patient_07").as_posix()
        'results/patient_07'
    """
    if not case or case.startswith(".") or any(letter in "/\\" or not letter.isprintable() for letter in case):
        raise ValueError(
            "case must be the name of a folder (not empty, no dot in front, neither / nor \\, no control characters), "
            f"got {case!r}: set `case` in the data list."
        )
    folder = Path(output_dir) / case
    require_same_images(folder, {row[INSTANCE] for row in json.loads(instances)})
    return folder


def require_same_images(folder: Path, instances: Collection[str]) -> None:
    """Refuse to replace the results of other DICOM images.

    Studies are counted unless a key names them: `study_1` of the next export would take the place of this one's.

    Args:
        folder: of the results.
        instances: SOP Instance UIDs of the slices to write; none for what does not come from DICOM.

    Raises:
        ValueError: the results that are there share no image with them.
    """
    table = folder / "slices.csv"
    earlier = set(read_csv(table).get(INSTANCE, ())) - {""} if instances and table.is_file() else set()
    if earlier and earlier.isdisjoint(instances):
        raise ValueError(
            f"{folder} must be free or hold earlier results of the same images, got those of another series: move it "
            "away or choose another output_dir; with a key_file studies have names of their own."
        )


def finished_cases(output_dir: str | os.PathLike[str]) -> list[str]:
    """Return the names of the case folders in `output_dir`; each is complete, because it appears by one rename.

    Example:
        >>> finished_cases("no such folder")
        []
    """
    return sorted(path.parent.name for path in Path(output_dir).glob("[!.]*/summary.json"))
