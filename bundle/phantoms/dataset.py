"""Data set of phantoms on disk."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
from tqdm import tqdm

from bundle.files import folder_atomically, read_json, remove_stale_parts, write_atomically, write_csv
from bundle.phantoms.phantom import PhantomCase, make_phantom, nifti_images

_RECIPE_FILE = "recipe.json"
_RECIPE_VERSION = 1
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
        raise ValueError(f"cases must be 1 case or more of at least 8 x 8 x 2 voxels, got {cases} of shape {shape}.")
    root = Path(root)
    remove_stale_parts(root)
    planned = [PhantomCase.numbered(index) for index in range(cases)]
    _claim(root=root, recipe={"version": _RECIPE_VERSION, "shape": list(shape), "seed": seed}, planned=planned)
    for case in tqdm(planned, desc="phantoms", unit="case", disable=None if progress else True):
        _write_case(root=root, case=case, seed=seed, shape=shape)
    write_csv(
        root / "cases.csv", [{"case": case.case, "patient": case.patient, "site": case.site.name} for case in planned]
    )
    return root


def _claim(*, root: Path, recipe: dict[str, object], planned: list[PhantomCase]) -> None:
    """Make the folder ours, or refuse: phantoms must never land among the files of another data set."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / _RECIPE_FILE
    if not path.exists():
        entries = sorted(entry.name for entry in root.iterdir())
        foreign = [name for name in entries if not (name.startswith(".") and name.endswith(_RECIPE_FILE))]
        if foreign:
            raise FileExistsError(
                f"{root}: folder must be new or one of phantoms, but it holds {foreign[0]}: name another."
            )
        write_atomically(path, lambda part: _write_recipe(part, recipe))
    found = read_json(path)
    if found != recipe:
        raise FileExistsError(f"{root}: phantoms must be of {recipe}, got {found}: name another folder.")
    surplus = sorted({folder.name for folder in root.glob("phantom_*")} - {case.case for case in planned})
    if surplus:
        raise FileExistsError(
            f"{root}: cases must be {len(planned)} at most, but it also holds {surplus[0]}: name another folder, or "
            "ask for as many cases as it has."
        )


def _write_recipe(path: Path, recipe: dict[str, object]) -> None:
    path.write_bytes(f"{json.dumps(recipe)}\n".encode())


def _write_case(*, root: Path, case: PhantomCase, seed: int, shape: tuple[int, int, int]) -> None:
    if (root / case.case).is_dir():
        return
    with folder_atomically(root / case.case, replace=False) as part:
        for name, image in nifti_images(case, make_phantom(case, seed, shape)).items():
            nibabel.save(image, part / f"{case.case}_{name}.nii.gz")
