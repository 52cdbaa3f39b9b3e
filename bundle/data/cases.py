"""The record of one case: which files belong together, whose they are, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE


@dataclass(frozen=True)
class Case:
    """One scan of one patient, as files; nothing is read.

    A file may be absent: finders record the path where it should lie, and the checks report it.

    Args:
        case: unique id of the scan.
        patient: whose scan it is; splits never separate the scans of one patient.
        site: hospital or scanner, ``"unknown"`` if nobody said.
        images: volume files in channel order, or slice images in slice order.
        label: mask file, mask slice files, CSV of slice labels, or None for an unlabelled case.
        organ: organ mask file for tasks inside an organ.

    Example:
        >>> Case("a", "p", "x", ("a_t1.nii", "a_t2.nii"), "a_seg.nii").item()["image"]
        ['a_t1.nii', 'a_t2.nii']
        >>> "label" in Case("a", "p", "x", ("a.nii",), None, organ="o.nii").item()
        False
    """

    case: str
    patient: str
    site: str
    images: tuple[str, ...]
    label: str | tuple[str, ...] | None
    organ: str | None = None

    def item(self) -> dict[str, Any]:
        """Return the dictionary that MONAI's transforms and the slice store take."""
        item: dict[str, Any] = {
            IMAGE: self.images[0] if len(self.images) == 1 else list(self.images),
            CASE: self.case,
            PATIENT: self.patient,
            SITE: self.site,
        }
        if self.label is not None:
            item[LABEL] = list(self.label) if isinstance(self.label, tuple) else self.label
        if self.organ is not None:
            item[ORGAN] = self.organ
        return item
