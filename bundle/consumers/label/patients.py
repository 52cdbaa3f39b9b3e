"""Patients who train and patients who validate, the same from one training to the next."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bundle.data import SliceDataset, with_identities
from bundle.data.cases.identity import CaseIdentity
from bundle.files import read_json, write_json
from bundle.keys import CASE, IGNORED_LABEL, PATIENT

TRAIN, VAL = "train", "val"


class PatientLabels(NamedTuple):
    """Kinds of labeled slices that a patient has.

    Args:
        positive: some slice shows the object.
        negative: some slice is without it.
    """

    positive: bool
    negative: bool


_KINDS = {"positive": "slices with the object", "negative": "slices without the object"}


def labeled_items(cases: Sequence[Mapping[str, Any]], patient: str | None = None) -> list[dict[str, Any]]:
    r"""Return the cases of a server with the names of scan and patient.

    Args:
        cases: `{"image": path or list of paths, "label": path of a mask or a CSV}`; an entry `patient` is kept.
        patient: regular expression searched in the name of a scan, which is that of its (first) file without the
            suffix, with the folder in front where files are called alike; its first group, or else the whole match,
            is the patient. None: every scan is of another patient.

    Raises:
        ValueError: the expression is none, or does not match a name.

    Example:
        >>> [item] = labeled_items([{"image": "/scans/anna_2020_t1.nii.gz", "label": "a.csv"}], r"^[^_]+")
        >>> item["case"], item["patient"]
        ('anna_2020_t1', 'anna')
    """
    try:
        identity = CaseIdentity(patient=patient and re.compile(patient).pattern)
    except re.error as error:
        raise ValueError(f"patient must be a regular expression, got {patient!r} ({error}): correct it.") from error
    items = with_identities(cases, warn=False)
    for item, case in zip(items, cases, strict=True):
        if patient and not case.get(PATIENT):
            item[PATIENT] = identity(item[CASE])[0]
    return items


def patient_labels(dataset: SliceDataset) -> dict[str, PatientLabels]:
    """Return patient -> kinds of labeled slices; patients without a labeled slice are left out.

    Example:
        >>> patient_labels(SliceDataset([], transform=sorted, cache_dir="not/made"))
        {}
    """
    found: dict[str, PatientLabels] = {}
    for index, item in enumerate(dataset.items):
        labels = dataset.labels[dataset.case_of_slice == index]
        labels = labels[labels != IGNORED_LABEL]
        known = found.get(item[PATIENT], PatientLabels(False, False))
        if len(labels):
            both = PatientLabels(
                known.positive or bool((labels > 0).any()), known.negative or bool((labels == 0).any())
            )
            found[item[PATIENT]] = both
    return found


def assign(patients: Mapping[str, PatientLabels], recorded: Mapping[str, str], share: float = 0.2) -> dict[str, str]:
    """Return patient -> "train" or "val".

    Who is recorded stays. Of new patients with the object, and then of those with slices without it, as many validate
    as the share asks for, at least one, in the order of a hash of their names, so that neither the alphabet nor the
    time of the labeling decides.

    Args:
        patients: all labeled patients.
        recorded: key of a patient, see `patient_key`, -> the part of an earlier training.
        share: of the patients who validate.

    Raises:
        ValueError: the share is none; a part would be without slices of a kind, which says how many patients to label.

    Example:
        >>> both = PatientLabels(positive=True, negative=True)
        >>> sorted(assign(dict.fromkeys("abcdef", both), {}).values())
        ['train', 'train', 'train', 'train', 'train', 'val']
    """
    if not 0 < share < 1:
        raise ValueError(f"val_split must be a share between 0 and 1, got {share}: 0.2 is a start.")
    parts = {name: recorded.get(patient_key(name), "") for name in sorted(patients, key=patient_key)}
    for kind in _KINDS:
        members = [name for name, labels in patients.items() if getattr(labels, kind)]
        wanted = min(max(1, round(share * len(members))), len(members) - 1)
        validating = sum(parts[name] == VAL for name in members)
        # of patients with the object, those who have slices without it too can validate both kinds
        new = sorted(
            (name for name in parts if name in members and not parts[name]), key=lambda n: not patients[n].negative
        )
        parts |= {name: VAL if place < wanted - validating else TRAIN for place, name in enumerate(new)}
    _require_both_kinds(patients, parts)
    return parts


def _require_both_kinds(patients: Mapping[str, PatientLabels], parts: Mapping[str, str]) -> None:
    for kind, words in _KINDS.items():
        members = [name for name, labels in patients.items() if getattr(labels, kind)]
        lacking = {TRAIN, VAL} - {parts[name] for name in members}
        if lacking:
            missing = max(len(lacking), 2 - len(members))
            raise ValueError(
                f"labels must be of at least 2 patients with {words}, one to train and one to validate, got "
                f"{len(members)} of {len(patients)} labeled patients and none to {' and '.join(_verbs(lacking))}: "
                f"label {words} of {missing} more patient{'s' * (missing > 1)}, and check the rule of the patient."
            )


def _verbs(parts: set[str]) -> list[str]:
    return [{TRAIN: "train", VAL: "validate"}[part] for part in sorted(parts)]


def patient_key(patient: str) -> str:
    """Return a hash that stands for a patient in files that travel with the model.

    Example:
        >>> patient_key("anna"), len(patient_key("anna"))
        ('55579b557896d0ce', 16)
    """
    return hashlib.sha256(patient.encode()).hexdigest()[:16]


def keep_assignment(file: Path, parts: Mapping[str, str]) -> None:
    """Add the parts of patients to the record, by the hashes of their names.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "patients.json"
        >>> keep_assignment(file, {"anna": "val"})
        >>> recorded_assignment(file)
        {'55579b557896d0ce': 'val'}
    """
    write_json(file, {**recorded_assignment(file), **{patient_key(name): part for name, part in parts.items()}})


def recorded_assignment(file: Path) -> dict[str, str]:
    """Return key of a patient -> part, empty where nothing was recorded yet."""
    recorded: dict[str, str] = read_json(file, {})
    return recorded
