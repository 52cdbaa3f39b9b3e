"""Finder for one file per channel: BraTS of all years, and most research exports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bundle.data.cases.case import Case
from bundle.data.cases.file_pattern import FilePattern, FoundFiles
from bundle.data.cases.fitting_overlays import no_cases
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.unmatched_files import warn_left_out, warn_two_labels, warn_unmatched_files

_SUFFIX = "{suffix}"
_ANY = "[^/]+"


@dataclass(frozen=True)
class ChannelFiles:
    """Find cases whose channels and mask are files that differ in one part of the name.

    A case of which any file exists is a case: its missing channels and its missing mask become the paths where they
    should lie, so that the checks report them. With `slice_labels` a case without mask takes its CSV if there is one,
    and one warning counts the cases with both. Image files of no case give one warning.

    Args:
        root: folder that `pattern` starts from.
        channels: names of the channels, in the order in which the network sees them.
        mask: name of the mask in the place of the channel; None if the cases have none.
        pattern: path without suffix, with the fields ``{case}`` and ``{channel}``; ``**/`` in front searches folders.
        suffixes: what may follow the pattern.
        patient: regular expression that finds the patient in the case id; by default the case.
        site: the same for the site; by default ``"unknown"``.
        table: CSV below `root` with the columns case, site and/or patient; wins over the expressions.
        organ: name of an organ mask in the place of the channel.
        slice_labels: path of a CSV with slice labels, with the field ``{case}``.
        mask_optional: a case may have neither mask nor CSV.
        case_regex: what a case id looks like; one warning counts the cases that it leaves out.

    Raises:
        FileNotFoundError: from `find`, if `root` is no folder or holds no case, or if several cases all lack the same
            channel; names the overlays of configs/datasets that fit.
        ValueError: from `find`, if two files claim to be the same channel of a case.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> (root / "a").mkdir(); (root / "a/a_t1.nii").touch(); (root / "a/a_seg.nii").touch()
        >>> [case] = ChannelFiles(root, ["t1"]).find()
        >>> case.case, Path(case.label).name
        ('a', 'a_seg.nii')
    """

    root: str | Path
    channels: Sequence[str]
    mask: str | None = "seg"
    pattern: str = "{case}/{case}_{channel}"
    suffixes: Sequence[str] = (".nii", ".nii.gz")
    patient: str | None = None
    site: str | None = None
    table: str | None = None
    organ: str | None = None
    slice_labels: str | None = None
    mask_optional: bool = False
    case_regex: str = _ANY

    def find(self) -> list[Case]:
        """Return the cases below `root`, sorted by id."""
        root = Path(self.root)
        pattern = self._file_pattern(case_regex=self.case_regex)
        files = FoundFiles(root, pattern, part="channel")
        self._require_channels(root=root, files=files)
        identity = CaseIdentity(patient=self.patient, site=self.site, table=root / self.table if self.table else None)
        identity.warn_unused(files.cases)
        cases = [self._case(case=case, files=files, identity=identity) for case in files.cases]
        left_out = self._left_out(root=root, cases=files.cases)
        warn_left_out(root, self.case_regex, left_out)
        warn_unmatched_files(root, [pattern], cases, left_out)
        warn_two_labels(root, self.slice_labels, cases)
        return cases

    def _left_out(self, *, root: Path, cases: Sequence[str]) -> list[str]:
        """Ids of the cases that the expression leaves out."""
        anything = self._file_pattern(case_regex=_ANY).find(root) if self.case_regex != _ANY else ()
        return sorted({fields["case"] for fields, _ in anything}.difference(cases))

    def _require_channels(self, *, root: Path, files: FoundFiles) -> None:
        """Refuse a folder in which no case has one of the channels: often another data set."""
        missing = [name for name in self.channels if not any(files.has(case, name) for case in files.cases)]
        if missing and len(files.cases) > 1:
            held = files.beside(files.cases[0])
            raise no_cases(
                root,
                f"{root} must hold {', '.join(self.channels)} of each case, got {len(files.cases)} cases "
                f"without {', '.join(missing)} (case {files.cases[0]!r} has {', '.join(held)}): name the channels "
                "in the finder as the files do, or take the overlay of the data set (configs/datasets)",
            )

    def _file_pattern(self, *, case_regex: str) -> FilePattern:
        names = [*self.channels, *(name for name in (self.mask, self.organ) if name)]
        fields = {"case": case_regex, "channel": either(names=names), "suffix": either(names=self.suffixes)}
        return FilePattern(self.pattern + _SUFFIX, fields)

    def _case(self, *, case: str, files: FoundFiles, identity: CaseIdentity) -> Case:
        patient, site = identity(case)
        return Case(
            case=case,
            patient=patient,
            site=site,
            images=tuple(files.path(case, channel) for channel in self.channels),
            label=self._label(case=case, files=files),
            organ=files.path(case, self.organ) if self.organ else None,
        )

    def _label(self, *, case: str, files: FoundFiles) -> str | None:
        csv = Path(self.root) / self.slice_labels.format(case=case) if self.slice_labels else None
        if self.mask and files.has(case, self.mask):
            return files.path(case, self.mask)
        if csv and (csv.exists() or not (self.mask or self.mask_optional)):
            return str(csv)
        return files.path(case, self.mask) if self.mask and not self.mask_optional else None


def either(*, names: Sequence[str]) -> str:
    """Return the regular expression of one of several names.

    Example:
        >>> either(names=["t1", "t2"])
        't1|t2'
    """
    return "|".join(re.escape(name) for name in names)
