"""The record of one case: which files belong together, whose they are, and where they come from."""

from __future__ import annotations

import numbers
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundle.data.cases.case_ids import as_id, one_spelling
from bundle.keys import CASE, FOLD, IMAGE, LABEL, ORGAN, PART, PATIENT, SITE

_DOUBLE = (".nii.gz", ".seg.nrrd")


def file_stem(path: str | Path) -> str:
    """Return the name of a volume file without `.nii`, `.nii.gz` or whatever its suffix is.

    Only the last suffix is cut, besides the known double ones, because ids may hold dots.

    Example:
        >>> file_stem("scans/volume-15.nii"), file_stem("W39_1998.09.19.nii.gz")
        ('volume-15', 'W39_1998.09.19')
    """
    name = Path(path).name
    for suffix in _DOUBLE:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


@dataclass(frozen=True)
class Case:
    """One scan of one patient, as files; nothing is read.

    A file may be absent: finders record the path where it should lie, and the checks report it.

    Args:
        case: unique id of the scan.
        patient: whose scan it is; splits never separate the scans of one patient.
        site: hospital or scanner, ``"unknown"`` if nobody said.
        images: volume files in channel order, or slice images in slice order.
        label: mask file, mask slice files, CSV of slice labels, or None for an unlabeled case.
        organ: organ mask file for tasks inside an organ.
        part: ``"train"``, ``"val"`` or ``"test"`` where the data bring a split along.
        fold: fold of cross-validation in which the case validates, where the data bring folds along.

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
    part: str | None = field(default=None, compare=False)  # the same case, whatever list it stands in
    fold: str | None = field(default=None, compare=False)

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
        optional = {ORGAN: self.organ, PART: self.part, FOLD: self.fold}
        return item | {key: value for key, value in optional.items() if value is not None}


def with_identities(items: Iterable[Mapping[str, Any]], warn: bool = True) -> list[dict[str, Any]]:
    """Return copies of the items in which `case`, `patient` and `site` are always there.

    Ids are cleaned by `as_id`; patients and sites whose ids differ only by case or spaces count as one, with a warning.
    `case` defaults to the stem of the first image file, with as many folders in front as tell files of one stem apart
    (``a_scan`` and ``b_scan``), `patient` to the case, `site` to ``"unknown"``. One warning tells how many items had to
    be named, because a patient with two scans then counts as two patients.

    Args:
        items: case dictionaries with at least ``"image"``.
        warn: False where nothing is split, as in inference.

    Raises:
        ValueError: if an item has no image, an id that is empty or NaN, or a number in the place of the label's file;
            or if two items end with the same case id, then both files are named.

    Example:
        >>> with_identities([{"image": "d/a.nii.gz", "case": "a", "patient": "p"}])
        [{'image': 'd/a.nii.gz', 'case': 'a', 'patient': 'p', 'site': 'unknown'}]
        >>> [item["case"] for item in with_identities([{"image": f"{name}/scan.nii"} for name in "ab"], warn=False)]
        ['a_scan', 'b_scan']
    """
    given = [_with_clean_ids(item=item) for item in items]
    unnamed = [item for item in given if CASE not in item or PATIENT not in item]
    names = _default_names(items=given)
    named = [_complete(item=item, names=names) for item in given]
    _refuse_duplicates(items=named)
    one_spelling((item[CASE] for item in named), CASE, warn)
    for key in (PATIENT, SITE):
        spelling = one_spelling((item[key] for item in named), key, warn)
        named = [{**item, key: spelling.get(item[key], item[key])} for item in named]
    if unnamed and warn:
        example = _complete(item=unnamed[0], names=names)[CASE]
        warnings.warn(
            f"{len(unnamed)} of {len(given)} items say no `case` or no `patient`: the stem of the first file names the "
            f"case (e.g. {example!r}) and each case counts as a patient of its own. Add `patient` if a patient has "
            "several scans, or splits may leak.",
            stacklevel=2,
        )
    return named


def _with_clean_ids(*, item: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an item; ids that are None go, because an absent id is one that nobody gave, and not one that is 0."""
    named = f"case {item[CASE]!r}" if item.get(CASE) is not None else "an item"
    where = f"{named} of {_first_file(item=item)}"
    ids = {key: as_id(item.get(key), key, where) for key in (CASE, PATIENT, SITE)}
    _refuse_labels(label=item.get(LABEL), where=where)
    others = {key: value for key, value in item.items() if key not in ids}
    return {**others, **{key: value for key, value in ids.items() if value is not None}}


def _refuse_labels(*, label: Any, where: str) -> None:
    """Refuse a number, whatever it is, in the place of a file."""
    given = list(label) if isinstance(label, list | tuple) else [label]
    if not given or any(
        isinstance(each, numbers.Number | type(None)) or each == "" for each in given if label is not None
    ):
        raise ValueError(
            f"{where}: {LABEL} must be the path of a mask or of a CSV, got {label!r}: labels of whole "
            "volumes cannot train slices; write a CSV with the columns slice_index,class, or leave the label out."
        )


def _default_names(*, items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """First file -> name, for the items without one."""
    taken = {item[CASE] for item in items if CASE in item}
    by_stem: dict[str, list[str]] = defaultdict(list)
    for item in items:
        if CASE not in item:
            by_stem[file_stem(_first_file(item=item))].append(_first_file(item=item))
    groups = [(files, _apart(stem=stem, files=files, taken=taken)) for stem, files in by_stem.items()]
    return {file: name for files, names in groups for file, name in zip(files, names, strict=True)}


def _apart(*, stem: str, files: Sequence[str], taken: Collection[str]) -> list[str]:
    """Name files of one stem by it and the fewest folders that make the names differ; the same file twice stays so."""
    folders = [[part for part in Path(file).parent.parts if part != Path(file).anchor] for file in files]
    for depth in range(max(map(len, folders)) + 1):
        names = ["_".join([*above[max(len(above) - depth, 0) :], stem]) for above in folders]
        if len(set(names)) == len(names) and not set(names) & set(taken):
            return names
    return [stem] * len(files)


def _complete(*, item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    case = item[CASE] if CASE in item else names[_first_file(item=item)]
    return {**item, CASE: case, PATIENT: item.get(PATIENT, case), SITE: item.get(SITE, "unknown")}


def _first_file(*, item: Mapping[str, Any]) -> str:
    image = item.get(IMAGE)
    if not image:
        raise ValueError(f"{IMAGE} must be a file or a list of files, got {dict(item)!r}: name the image of each item.")
    return str(image[0] if isinstance(image, list | tuple) else image)


def _refuse_duplicates(*, items: list[dict[str, Any]]) -> None:
    seen: dict[str, str] = {}
    for item in items:
        file = _first_file(item=item)
        if item[CASE] in seen:
            raise ValueError(
                f"case ids must differ, got {item[CASE]!r} for {seen[item[CASE]]} and {file}: give each item a `case` "
                "of its own, for example with the hospital's name in front."
            )
        seen[item[CASE]] = file
