"""Finder for MONAI's datalist JSON: somebody already wrote down which files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.data.cases.case import Case, file_stem, with_identities
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.paired_volumes import PairedVolumes
from bundle.files import read_json
from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE


@dataclass(frozen=True)
class Datalist:
    """Read cases from a JSON of the form ``{"training": [{"image": ..., "label": ...}], "test": [...]}``.

    Relative paths start from the JSON's folder. Entries keep `case`, `patient` and `site` if they have them; otherwise
    the file stem names the case, with one warning.

    Args:
        path: the JSON file; a plain list of entries serves too.
        section: which list to read, e.g. ``"training"``; by default all of them.

    Raises:
        FileNotFoundError: from `find`, if there is no such file.
        ValueError: from `find`, if the file is no datalist, lacks the section, or repeats a case.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "data.json"
        >>> _ = path.write_text('{"training": [{"image": "a.nii", "case": "a", "patient": "p"}]}')
        >>> [case] = Datalist(path).find()
        >>> case.patient, Path(case.images[0]).parent == path.parent
        ('p', True)
    """

    path: str | Path
    section: str | None = None

    def find(self) -> list[Case]:
        """Return the listed cases, sorted by id."""
        path = Path(self.path)
        if not path.is_file():
            raise FileNotFoundError(f"{path} must be a datalist JSON, got no such file: correct the path.")
        entries = _entries(content=read_json(path), section=self.section, path=path)
        items = [_as_item(entry=entry, path=path) for entry in entries]
        cases = [_as_case(item=item, folder=path.parent) for item in with_identities(items)]
        return sorted(cases, key=lambda case: case.case)


def _entries(*, content: Any, section: str | None, path: Path) -> list[Any]:
    if isinstance(content, list) and section is None:
        return content
    lists = {key: value for key, value in content.items() if _is_section(value=value)} if _is_map(content) else {}
    if not lists or (section is not None and section not in lists):
        raise ValueError(
            f"{path} must hold {'lists of cases' if section is None else f'a list of cases named {section!r}'}, "
            f"got the lists {sorted(lists)}: a datalist looks like "
            '{"training": [{"image": "a.nii.gz", "label": "a_seg.nii.gz"}]}.'
        )
    chosen = lists.values() if section is None else [lists[section]]
    return [entry for entries in chosen for entry in entries]


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_section(*, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str | dict) for entry in value)


def _as_item(*, entry: Any, path: Path) -> dict[str, Any]:
    item = {IMAGE: entry} if isinstance(entry, str) else entry
    if not isinstance(item, Mapping) or not item.get(IMAGE):
        raise ValueError(f"{path} must hold entries with an image file under {IMAGE!r}, got {entry!r}: add it.")
    return dict(item)


def _as_case(*, item: Mapping[str, Any], folder: Path) -> Case:
    images = item[IMAGE] if isinstance(item[IMAGE], list) else [item[IMAGE]]
    label, organ = item.get(LABEL), item.get(ORGAN)
    return Case(
        case=item[CASE],
        patient=item[PATIENT],
        site=item[SITE],
        images=tuple(str(folder / image) for image in images),
        label=_resolve(files=label, folder=folder) if label else None,
        organ=str(folder / organ) if organ else None,
    )


def _resolve(*, files: Any, folder: Path) -> str | tuple[str, ...]:
    if isinstance(files, list):
        return tuple(str(folder / file) for file in files)
    if not isinstance(files, str):
        raise ValueError(
            f"{LABEL} must be the path of a mask or of a CSV, got {files!r}: labels of whole volumes cannot train "
            "slices."
        )
    return str(folder / files)


@dataclass(frozen=True)
class DecathlonCases:
    """Find the training cases of a folder such as ``Task09_Spleen``, by its `dataset.json` or by its folders.

    The test cases of the Decathlon have no masks and are left out. A 4D image holds its channels itself. macOS's ``._``
    twins, which come with the archives, are no data.

    Args:
        root: folder with ``dataset.json``, ``imagesTr`` and ``labelsTr``.
        patient: regular expression that finds the patient in the case id; by default the case.
        site: the same for the site; by default ``"unknown"``.

    Raises:
        FileNotFoundError: from `find`, if there is neither a `dataset.json` nor an image.
        ValueError: from `find`, if `dataset.json` has no list ``training`` of images and labels.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "dataset.json").write_text(
        ...     '{"training": [{"image": "./imagesTr/s_2.nii.gz", "label": "./labelsTr/s_2.nii.gz"}]}')
        >>> [case] = DecathlonCases(root).find()
        >>> case.case, Path(case.label).relative_to(root).as_posix()
        ('s_2', 'labelsTr/s_2.nii.gz')
    """

    root: str | Path
    patient: str | None = None
    site: str | None = None

    def find(self) -> list[Case]:
        """Return the training cases, sorted by id."""
        root = Path(self.root)
        if not (root / "dataset.json").is_file():
            pairs = PairedVolumes(root, "imagesTr/*.nii.gz", "labelsTr/*.nii.gz", self.patient, self.site)
            return pairs.find()
        identity = CaseIdentity(patient=self.patient, site=self.site)
        entries = _training(path=root / "dataset.json")
        cases = [_case(image=image, label=label, root=root, identity=identity) for image, label in entries]
        return sorted(cases, key=lambda case: case.case)


def _training(*, path: Path) -> list[tuple[str, str]]:
    content = read_json(path)
    try:
        pairs = [(entry["image"], entry["label"]) for entry in content["training"]]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f'{path} must hold {{"training": [{{"image": ..., "label": ...}}]}}, got {error!r}: use the Datalist '
            "finder "
            "for other forms."
        ) from error
    return [(image, label) for image, label in pairs if not PurePosixPath(image).name.startswith("._")]


def _case(*, image: str, label: str, root: Path, identity: CaseIdentity) -> Case:
    case = file_stem(image)
    return Case(case, *identity(case), images=(str(root / image),), label=str(root / label))
