"""Finder for MONAI's datalist JSON: somebody already wrote down which files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bundle.data.cases.case import Case, file_stem, with_identities
from bundle.data.cases.case_ids import as_id
from bundle.data.cases.datalist_entries import datalist_entries
from bundle.data.cases.fitting_overlays import no_cases
from bundle.data.cases.identity import CaseIdentity
from bundle.data.cases.paired_volumes import PairedVolumes
from bundle.files import read_json
from bundle.keys import CASE, FOLD, IMAGE, LABEL, ORGAN, PART, PATIENT, SITE


@dataclass(frozen=True)
class Datalist:
    """Read cases from a JSON of the form ``{"training": [{"image": ..., "label": ...}], "test": [...]}``.

    Relative paths start from the JSON's folder. Entries keep `case`, `patient`, `site` and `fold` if they have them;
    otherwise the file stem names the case, with one warning. Lists named training, validation and testing (or train,
    val, test) are the parts of a split that `split_cases` takes over.

    Args:
        path: the JSON file; a plain list of entries serves too.
        section: which list to read, e.g. ``"training"``, which is then no part of a split; by default all of them.

    Raises:
        FileNotFoundError: from `find`, if there is no such file.
        ValueError: from `find`, if the file is no datalist, lacks the section, repeats a case, has a key or a list
            that looks like a slip of a known one, an empty id, or a number in the place of a label's file.

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
            raise no_cases(path.parent, f"{path} must be a datalist JSON, got no such file: correct the path")
        items = datalist_entries(read_json(path), self.section, path)
        try:
            cases = [_as_case(item=item, folder=path.parent) for item in with_identities(items)]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return sorted(cases, key=lambda case: case.case)


def _as_case(*, item: Mapping[str, Any], folder: Path) -> Case:
    images = item[IMAGE] if isinstance(item[IMAGE], list) else [item[IMAGE]]
    label, organ = item.get(LABEL), item.get(ORGAN)
    return Case(
        case=item[CASE],
        patient=item[PATIENT],
        site=item[SITE],
        images=tuple(str(folder / image) for image in images),
        label=_resolve(files=label, folder=folder) if label is not None else None,
        organ=str(folder / organ) if organ is not None else None,
        part=item.get(PART),
        fold=as_id(item.get(FOLD), FOLD, f"case {item[CASE]!r}"),
    )


def _resolve(*, files: Any, folder: Path) -> str | tuple[str, ...]:
    return tuple(str(folder / file) for file in files) if isinstance(files, list) else str(folder / files)


@dataclass(frozen=True)
class DecathlonCases:
    """Find the training cases of a folder such as ``Task09_Spleen``, by its `dataset.json` or by its folders.

    Lists beside ``training`` are parts of a split if their entries have labels (AMOS: ``validation``). The test cases
    of the Decathlon have no masks and are left out. A 4D image holds its channels itself. macOS's ``._``
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
        items = [_listed(item=item, identity=identity) for item in _labeled(path=root / "dataset.json")]
        cases = [_as_case(item=item, folder=root) for item in with_identities(items)]
        if len(cases) > 1 and not any(Path(case.images[0]).exists() for case in cases):
            message = f"{root} must hold the images that dataset.json lists, got none, e.g. no {cases[0].images[0]}"
            raise no_cases(root, f"{message}: copy them there, or take the finder of the layout")
        return sorted(cases, key=lambda case: case.case)


def _labeled(*, path: Path) -> list[dict[str, Any]]:
    """Return the entries with an image and a label; the test images of the Decathlon have none."""
    content = read_json(path)
    try:
        complete = all(entry[IMAGE] and entry[LABEL] for entry in content["training"])
    except (KeyError, TypeError) as error:
        form = f'{path} must hold {{"training": [{{"image": ..., "label": ...}}]}}, got {error!r}'
        remedy = "use another finder, or Datalist for a list of another form"
        raise no_cases(path.parent, f"{form}: {remedy}", ValueError) from error
    if not complete:
        raise ValueError(
            f"{path} must give an image and a label in each entry of training, got an empty one: fill it in."
        )
    items = datalist_entries(content, None, path)
    return [item for item in items if item.get(LABEL) and not PurePosixPath(str(item[IMAGE])).name.startswith("._")]


def _listed(*, item: Mapping[str, Any], identity: CaseIdentity) -> dict[str, Any]:
    """Name the case after its file, and its patient and site by the expressions, where the entry does not say."""
    case = file_stem(item[IMAGE])
    patient, site = identity(case)
    given = {key: value for key, value in item.items() if value is not None}
    return {CASE: case, PATIENT: patient, SITE: site, **given}
