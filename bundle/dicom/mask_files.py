"""Files of masks beside the volume that they belong to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bundle.dicom.drawn_mask import EMPTY
from bundle.dicom.masks import Mask, read_masks
from bundle.dicom.stack_files import save_volume
from bundle.files import is_no_space
from bundle.volumes.dicom_series import Aside, Stack
from bundle.volumes.problem import FileProblem, Problem

_SHORT = 3
"""Letters of a name that may be part of any word."""


class Written(NamedTuple):
    """A stack that was written.

    Args:
        stack: itself.
        folder: of its files.
        entry: in ``study.json``; masks are added to it.
    """

    stack: Stack
    folder: Path
    entry: dict[str, Any]


def write_masks(
    asides: Iterable[Aside], identity: tuple[str, str] | None, written: Sequence[Written]
) -> list[dict[str, Any]]:
    """Write ``mask_<n>.nii.gz`` beside the volume that each mask belongs to, and add it to the entry of that volume.

    Args:
        asides: segmentations and structure sets of one study.
        identity: Patient ID and name, of which no word may stand in the name of a mask; None lets any stand.
        written: the stacks of that study.

    Returns:
        Entries of what was refused, with the reason.

    Raises:
        OSError: the disk is full.
    """
    refused = []
    counts: Counter[Path] = Counter()
    for aside in asides:
        try:
            for mask in read_masks(aside.file, [one.stack for one in written]):
                [owner] = [one for one in written if one.stack is mask.stack]
                counts[owner.folder] += 1
                hidden = set() if identity is None else _hidden(*identity) | _hidden(*mask.identity)
                _write(_without(hidden, mask), owner, counts[owner.folder])
        except FileProblem as error:
            refused.append({"name": aside.name, "problems": [str(error)]})
        except Exception as error:  # anything may be missing in an object, and one must not lose the others
            if is_no_space(error) or isinstance(error, MemoryError):
                raise
            found = f"one that cannot be read ({type(error).__name__})"
            problem = Problem(aside.name, "hold a whole segmentation or structure set", found, "export it again")
            refused.append({"name": aside.name, "problems": [problem.text]})
    return refused


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _hidden(patient: str, name: str) -> set[str]:
    """Return the words that tell of a patient; those of an ID without a digit may be of an organ."""
    of_id = {patient.casefold(), *(word for word in _words(patient) if any(map(str.isdigit, word)))}
    words = of_id | ({*_words(name)} if name.casefold() != patient.casefold() else set())
    return {word for word in words if len(word) > 1}


def _without(hidden: Collection[str], mask: Mask) -> Mask:
    """Return a mask without a name that holds a word of the patient's identity, alone or, if it is long, in another."""
    name = mask.name.casefold()
    if not any(word in _words(name) or (len(word) > _SHORT and word in name) for word in hidden):
        return mask
    note = "its name is left out, as a word of the patient's name or ID is in it"
    return mask._replace(name="", notes=(*mask.notes, note))


def _write(mask: Mask, owner: Written, number: int) -> None:
    name = f"mask_{number}.nii.gz"
    save_volume(owner.folder / name, mask.voxels, mask.stack.affine)
    count = int(mask.voxels.sum())
    entry = {
        "file": f"{owner.folder.name}/{name}",
        "name": mask.name,
        "sop_instance_uid": mask.uid,
        "voxels": count,
        # a region of a template that nobody drew looks like one of a scan without the finding
        "notes": [*mask.notes, *([] if count else [EMPTY])],
    }
    owner.entry.setdefault("masks", []).append(entry)
