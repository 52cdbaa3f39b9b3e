"""Finder for images in one folder and masks in another: LiTS17, Medical Segmentation Decathlon, nnU-Net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bundle.data.cases.case import Case, file_stem
from bundle.data.cases.file_pattern import FilePattern
from bundle.data.cases.fitting_overlays import no_cases
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.unmatched_files import warn_two_labels, warn_unmatched_files


@dataclass(frozen=True)
class PairedVolumes:
    """Find cases whose image and mask share the text that stands for the ``*`` of two patterns.

    An image without mask, or a mask without image, is a case whose other file is the path where it should lie, so that
    the checks report it. The case id is the stem of the (first) image file, or the text of the ``*`` where that stands
    in a folder's name. Image files of no case, in the folders that the patterns start in, give one warning.

    Args:
        root: folder that the patterns start from.
        images: pattern with one ``*``, or one pattern per channel; a 4D file holds its channels itself.
        labels: pattern of the masks, None if there are none.
        patient: regular expression that finds the patient in the case id; by default the case.
        site: the same for the site; by default ``"unknown"``.
        table: CSV below `root` with the columns case, site and/or patient; wins over the expressions.
        organs: pattern of organ masks; may be the same as `labels`.
        slice_labels: path of a CSV with slice labels, with the field ``{case}``; serves cases without mask.
        mask_optional: a case may have neither mask nor CSV.
        name_by_key: the case id is always the text of the ``*``.

    Raises:
        FileNotFoundError: from `find`, if `root` is no folder or no image fits.
        ValueError: from `find`, if a pattern has not one ``*``, or two files fit one pattern and key.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> for name in ("scans", "segmentations"): (root / name).mkdir()
        >>> (root / "scans/volume-7.nii").touch(); (root / "segmentations/segmentation-7.nii").touch()
        >>> [case] = PairedVolumes(root).find()
        >>> case.case, Path(case.label).name
        ('volume-7', 'segmentation-7.nii')
    """

    root: str | Path
    images: str | Sequence[str] = "scans/volume-*.nii"
    labels: str | None = "segmentations/segmentation-*.nii"
    patient: str | None = None
    site: str | None = None
    table: str | None = None
    organs: str | None = None
    slice_labels: str | None = None
    mask_optional: bool = False
    name_by_key: bool = False

    def find(self) -> list[Case]:
        """Return the cases below `root`, sorted by id."""
        root = Path(self.root)
        if not root.is_dir():
            raise FileNotFoundError(f"{root} must be the folder of the data set, got no folder: set dataset_dir.")
        identity = CaseIdentity(patient=self.patient, site=self.site, table=root / self.table if self.table else None)
        channels = [_Numbered(root, pattern) for pattern in self._image_patterns()]
        labels = _Numbered(root, self.labels) if self.labels else None
        if not any(channel.files for channel in channels):
            message = (
                f"{root} must hold images like {self.images}, got none: check dataset_dir and the finder's patterns"
            )
            raise no_cases(root, message)
        keys = set().union(*(channel.files for channel in channels), labels.files if labels else ())
        organs = _Numbered(root, self.organs) if self.organs else None
        cases = [self._case(key, channels, labels, organs, identity) for key in keys]
        identity.warn_unused(case.case for case in cases)
        looked_for = [*channels, *(one for one in (labels, organs) if one)]
        warn_unmatched_files(root, [one.pattern for one in looked_for], cases, keys)
        warn_two_labels(root, self.slice_labels, cases)
        return sorted(cases, key=lambda case: case.case)

    def _image_patterns(self) -> Sequence[str]:
        return [self.images] if isinstance(self.images, str) else self.images

    def _case(
        self,
        key: str,
        channels: list[_Numbered],
        labels: _Numbered | None,
        organs: _Numbered | None,
        identity: CaseIdentity,
    ) -> Case:
        images = tuple(channel.path(key) for channel in channels)
        case = key if self.name_by_key or "*" not in Path(self._image_patterns()[0]).name else file_stem(images[0])
        patient, site = identity(case)
        organ = organs.path(key) if organs else None
        return Case(case, patient, site, images, self._label(key=key, case=case, labels=labels), organ)

    def _label(self, *, key: str, case: str, labels: _Numbered | None) -> str | None:
        csv = Path(self.root) / self.slice_labels.format(case=case) if self.slice_labels else None
        if labels and key in labels.files:
            return labels.path(key)
        if csv and (csv.exists() or not (labels or self.mask_optional)):
            return str(csv)
        return labels.path(key) if labels and not self.mask_optional else None


class _Numbered:
    """Files of one pattern by the text of its ``*``."""

    def __init__(self, root: Path, pattern: str) -> None:
        template = pattern.replace("**/", "\0").replace("*", "{key}").replace("\0", "**/")
        if template.count("{key}") != 1:
            raise ValueError(
                f"pattern must have one * for the text that pairs image and mask, got {pattern!r}: write scans/*.nii."
            )
        self._root = root
        self.pattern = FilePattern(template, {"key": "[^/]+"})
        self.files: dict[str, Path] = {}
        for fields, path in self.pattern.find(root):
            if fields["key"] in self.files:
                raise ValueError(
                    f"{pattern!r} must find one file, got {self.files[fields['key']]} and {path}: remove one."
                )
            self.files[fields["key"]] = path

    def path(self, key: str) -> str:
        return str(self.files.get(key) or self.pattern.path(self._root, {"key": key}))
