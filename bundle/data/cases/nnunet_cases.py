"""Finder for the raw folders of nnU-Net, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bundle.data.cases.case import Case
from bundle.data.cases.channel_files import either
from bundle.data.cases.file_pattern import FilePattern, FoundFiles
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.unmatched_files import warn_unmatched_files
from bundle.volumes import VOLUME_SUFFIXES


@dataclass(frozen=True)
class NnunetCases:
    """Find cases of the form ``imagesTr/<case>_0000.nii.gz``, one file per channel, and ``labelsTr/<case>.nii.gz``.

    All channels that any case has are channels of every case; what is missing is the path where it should lie, so that
    the checks report it. Test images (``imagesTs``) have no masks and are left out.

    Args:
        root: a folder such as ``Task001_X`` or ``Dataset001_X``.
        patient: regular expression that finds the patient in the case id; by default the case.
        site: the same for the site; by default ``"unknown"``.
        table: CSV below `root` with the columns case, site and/or patient; wins over the expressions.

    Raises:
        FileNotFoundError: from `find`, if `root` is no folder or holds no case.

    Source: dataset_format.md of nnU-Net.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("imagesTr/c_1_0000.nii.gz", "imagesTr/c_1_0001.nii.gz", "labelsTr/c_1.nii.gz"):
        ...     (root / name).parent.mkdir(exist_ok=True); (root / name).touch()
        >>> [case] = NnunetCases(root).find()
        >>> case.case, len(case.images), Path(case.label).name
        ('c_1', 2, 'c_1.nii.gz')
    """

    root: str | Path
    patient: str | None = None
    site: str | None = None
    table: str | None = None

    def find(self) -> list[Case]:
        """Return the training cases, sorted by id."""
        root = Path(self.root)
        suffix = either(names=VOLUME_SUFFIXES)
        images = FilePattern(
            "imagesTr/{case}_{channel}{suffix}", {"case": "[^/]+", "channel": "[0-9]{4}", "suffix": suffix}
        )
        labels = FilePattern("labelsTr/{case}{suffix}", {"case": "[^/]+?", "suffix": suffix})
        files = FoundFiles(root, images, part="channel")
        masks = _masks(found=labels.find(root))
        channels = sorted({part for case in files.cases for part in files.parts(case)})
        identity = CaseIdentity(patient=self.patient, site=self.site, table=root / self.table if self.table else None)
        identity.warn_unused(files.cases)
        cases = []
        for case in files.cases:
            paths = tuple(files.path(case, channel) for channel in channels)
            mask = masks.get(case) or root / "labelsTr" / f"{case}.nii.gz"
            cases.append(Case(case, *identity(case), images=paths, label=str(mask)))
        warn_unmatched_files(root, [images, labels], cases)
        return cases


def _masks(*, found: Iterable[tuple[Mapping[str, str], Path]]) -> dict[str, Path]:
    masks: dict[str, Path] = {}
    for fields, path in found:
        first = masks.setdefault(fields["case"], path)
        if first != path:
            raise ValueError(f"case {fields['case']!r} must have one mask, got {first} and {path}: remove one.")
    return masks
