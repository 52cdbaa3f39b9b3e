"""Finder for scans published as one image file per slice: the LGG set on Kaggle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bundle.data.cases.case import Case
from bundle.data.cases.file_pattern import FilePattern, FoundFiles
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.unmatched_files import warn_unmatched_files


@dataclass(frozen=True)
class SliceImages:
    """Find cases whose slices are image files (TIFF, PNG) with the slice number in the name.

    Slices come in numeric order (2 before 10). A number missing between the first and the last stays in the list as the
    path where the file should lie, so that the checks report it instead of two distant slices becoming neighbors.
    Image files of no case give one warning.

    Args:
        root: folder that `image` starts from.
        image: path of a slice, with the fields ``{case}`` and ``{index}``.
        mask_suffix: what the mask's name has before the suffix, None if there are no masks.
        patient: regular expression that finds the patient in the case id; by default the case.
        site: the same for the site; by default ``"unknown"``.
        table: CSV below `root` with the columns case, site and/or patient; wins over the expressions.
        mask_optional: a case may have no mask at all; one that has some must have all.

    Raises:
        FileNotFoundError: from `find`, if `root` is no folder or no slice fits.
        ValueError: from `find`, if two files claim the same slice.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp()); (root / "a").mkdir()
        >>> for index in (10, 9): (root / f"a/a_{index}.tif").touch()
        >>> [case] = SliceImages(root).find()
        >>> [Path(path).name for path in case.images], Path(case.label[0]).name
        (['a_9.tif', 'a_10.tif'], 'a_9_mask.tif')
    """

    root: str | Path
    image: str = "{case}/{case}_{index}.tif"
    mask_suffix: str | None = "_mask"
    patient: str | None = None
    site: str | None = None
    table: str | None = None
    mask_optional: bool = False

    def find(self) -> list[Case]:
        """Return the cases below `root`, sorted by id."""
        root = Path(self.root)
        pattern = FilePattern(self.image, {"case": "[^/]+", "index": "[0-9]+"})
        files = FoundFiles(root, pattern, part="index")
        identity = CaseIdentity(patient=self.patient, site=self.site, table=root / self.table if self.table else None)
        identity.warn_unused(files.cases)
        cases = [self._case(case=case, files=files, identity=identity) for case in files.cases]
        warn_unmatched_files(root, [pattern], cases)
        return cases

    def _case(self, *, case: str, files: FoundFiles, identity: CaseIdentity) -> Case:
        images = _in_order(case=case, files=files)
        return Case(case, *identity(case), images=images, label=self._label(images=images))

    def _label(self, *, images: tuple[str, ...]) -> tuple[str, ...] | None:
        if self.mask_suffix is None:
            return None
        masks = tuple(_mask(image=image, suffix=self.mask_suffix) for image in images)
        nothing = not any(Path(mask).exists() for mask in masks)
        return None if self.mask_optional and nothing else masks


def _in_order(*, case: str, files: FoundFiles) -> tuple[str, ...]:
    # The text of the number is kept: 007 is not looked for as 7.
    named = {int(part): part for part in files.parts(case)}
    numbers = range(min(named), max(named) + 1)
    return tuple(files.path(case, named.get(number, str(number))) for number in numbers)


def _mask(*, image: str, suffix: str) -> str:
    path = Path(image)
    return str(path.with_name(path.stem + suffix + path.suffix))
