"""Finder for MONAI's datalist JSON: somebody already wrote down which files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundle.data.case_names import complete_items
from bundle.data.cases import Case
from bundle.keys import CASE, IMAGE, LABEL, ORGAN, PATIENT, SITE
from bundle.read_json import read_json


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
            raise FileNotFoundError(f"Expected a datalist JSON, but there is no file {path}.")
        entries = _entries(content=read_json(path), section=self.section, path=path)
        items = [_as_item(entry=entry, path=path) for entry in entries]
        cases = [_as_case(item=item, folder=path.parent) for item in complete_items(items)]
        return sorted(cases, key=lambda case: case.case)


def _entries(*, content: Any, section: str | None, path: Path) -> list[Any]:
    if isinstance(content, list) and section is None:
        return content
    lists = {key: value for key, value in content.items() if _is_section(value=value)} if _is_map(content) else {}
    if not lists or (section is not None and section not in lists):
        raise ValueError(
            f"{path}: expected {'lists of cases' if section is None else f'a list of cases named {section!r}'}, "
            f"but found the lists {sorted(lists)}. A datalist looks like "
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
        raise ValueError(f"{path}: expected entries with an image file under {IMAGE!r}, but got {entry!r}.")
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
        raise ValueError(f"Expected the path of a mask or of a CSV under {LABEL!r}, but got {files!r}.")
    return str(folder / files)
