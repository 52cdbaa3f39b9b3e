"""Finder for a task of the Medical Segmentation Decathlon."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bundle.data.case_identity import CaseIdentity
from bundle.data.cases import Case
from bundle.data.file_stem import file_stem
from bundle.data.paired_volumes import PairedVolumes
from bundle.read_json import read_json


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
            f'{path}: expected {{"training": [{{"image": ..., "label": ...}}]}}, but {error!r} is in the way. '
            "Use the Datalist finder for other forms."
        ) from error
    return [(image, label) for image, label in pairs if not PurePosixPath(image).name.startswith("._")]


def _case(*, image: str, label: str, root: Path, identity: CaseIdentity) -> Case:
    case = file_stem(image)
    return Case(case, *identity(case), images=(str(root / image),), label=str(root / label))
