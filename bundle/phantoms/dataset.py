"""A data set of phantoms on disk."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import nibabel
from tqdm import tqdm

from bundle.files import read_json
from bundle.phantoms.phantom import PhantomCase, make_phantom, nifti_images


def part_folder(root: Path, name: str) -> Path:
    """Make an empty hidden folder beside the final one, and remove those that killed processes left.

    Args:
        root: folder in which `name` will appear by a rename.
        name: of the finished folder.

    Returns:
        `<root>/.<name>.<process id>.part`.

    Example:
        >>> import tempfile
        >>> part_folder(Path(tempfile.mkdtemp()), "case").suffix
        '.part'
    """
    own = root / f".{name}.{os.getpid()}.part"
    for left in root.glob(f".{name}.*.part"):
        if left == own or not _is_alive(process_id=left.suffixes[-2].lstrip(".")):
            shutil.rmtree(left, ignore_errors=True)
    own.mkdir()
    return own


def _is_alive(*, process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


RECIPE_FILE = "recipe.json"
RECIPE_VERSION = 1
"""Raise it when anything in this room draws differently."""


def make_phantoms(
    root: str | Path,
    cases: int = 40,
    shape: tuple[int, int, int] = (96, 96, 24),
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write `<root>/<case>/<case>_{t1,t2,flair,seg}.nii.gz` and `<root>/cases.csv` (case, patient, site).

    A case appears by one rename and stays as it is when the function runs again, so a killed run is continued by the
    same call, and more cases extend a data set. The first cases of a large data set are those of a small one.

    Args:
        root: folder of the data set; made if need be.
        cases: number of scans; of five, one is the second scan of a patient.
        shape: rows, columns and slices of each scan, before a site turns its axes.
        seed: of everything that is drawn.
        progress: show a bar where there is a terminal.

    Returns:
        `root`.

    Raises:
        ValueError: `cases` is below 1, or `shape` below 8 x 8 x 2.
        FileExistsError: `root` holds something else: other files, phantoms of another shape or seed, or more of them.

    Example:
        >>> import tempfile
        >>> root = make_phantoms(Path(tempfile.mkdtemp()) / "phantoms", cases=2, shape=(16, 16, 4), progress=False)
        >>> sorted(path.name for path in (root / "phantom_001").iterdir())[-1]
        'phantom_001_t2.nii.gz'
        >>> (root / "cases.csv").read_text().splitlines()[1]
        'phantom_000,patient_000,A'
    """
    if cases < 1 or len(shape) != 3 or min(shape) < 2 or min(shape[:2]) < 8:
        raise ValueError(f"Expected 1 case or more of at least 8 x 8 x 2 voxels, got {cases} of shape {shape}.")
    root = Path(root)
    planned = [PhantomCase.numbered(index) for index in range(cases)]
    _claim(root=root, recipe={"version": RECIPE_VERSION, "shape": list(shape), "seed": seed}, planned=planned)
    for case in tqdm(planned, desc="phantoms", unit="case", disable=None if progress else True):
        _write_case(root=root, case=case, seed=seed, shape=shape)
    _write_text(path=root / "cases.csv", text=_table(planned=planned))
    return root


def _claim(*, root: Path, recipe: dict[str, object], planned: list[PhantomCase]) -> None:
    """Make the folder ours, or refuse: phantoms must never land among the files of another data set."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / RECIPE_FILE
    if not path.exists():
        foreign = next(
            (entry.name for entry in sorted(root.iterdir()) if not entry.name.startswith(f".{RECIPE_FILE}")), None
        )
        if foreign:
            raise FileExistsError(
                f"Expected {root} to be new or to hold phantoms, but it holds {foreign}: name another."
            )
        _write_text(path=path, text=json.dumps(recipe) + "\n")
    found = read_json(path)
    if found != recipe:
        raise FileExistsError(
            f"Expected {root} to hold phantoms of {recipe}, but it holds {found}: name another folder."
        )
    surplus = sorted({folder.name for folder in root.glob("phantom_*")} - {case.case for case in planned})
    if surplus:
        raise FileExistsError(
            f"Expected at most {len(planned)} cases in {root}, but it also holds {surplus[0]}: name another folder, or "
            "ask for as many cases as it has."
        )


def _write_case(*, root: Path, case: PhantomCase, seed: int, shape: tuple[int, int, int]) -> None:
    if (root / case.case).is_dir():
        return
    part = part_folder(root, case.case)
    for name, image in nifti_images(case, make_phantom(case, seed, shape)).items():
        nibabel.save(image, part / f"{case.case}_{name}.nii.gz")
    try:
        part.rename(root / case.case)
    except OSError:
        # another process was faster and wrote the same bytes
        shutil.rmtree(part)
        if not (root / case.case).is_dir():
            raise


def _table(*, planned: list[PhantomCase]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case", "patient", "site"])
    writer.writerows((case.case, case.patient, case.site.name) for case in planned)
    return text.getvalue()


def _write_text(*, path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
