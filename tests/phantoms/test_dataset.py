import csv
import os
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from bundle.phantoms import PhantomCase, make_phantom, make_phantoms
from bundle.phantoms import dataset as dataset_module

SHAPE = (16, 16, 4)
ROOT = Path(__file__).parents[2]


def make(root, cases=3, **changes):
    return make_phantoms(root, **({"cases": cases, "shape": SHAPE, "progress": False} | changes))


def content(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_layout_and_table(tmp_path):
    root = make(tmp_path / "a")
    with (root / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["site"]) for row in rows] == [
        ("phantom_000", "A"),
        ("phantom_001", "B"),
        ("phantom_002", "C"),
    ]
    for row in rows:
        names = {path.name for path in (root / row["case"]).iterdir()}
        assert names == {f"{row['case']}_{part}.nii.gz" for part in ("t1", "t2", "flair", "seg")}


def test_files_hold_the_phantom(tmp_path):
    root = make(tmp_path / "a", cases=1, seed=5)
    phantom = make_phantom(PhantomCase.numbered(0), seed=5, shape=SHAPE)
    image = nibabel.load(root / "phantom_000/phantom_000_t2.nii.gz")
    mask = nibabel.load(root / "phantom_000/phantom_000_seg.nii.gz")
    # site A stores columns first
    np.testing.assert_array_equal(np.asarray(image.dataobj), phantom.images[1].transpose(1, 0, 2))
    np.testing.assert_array_equal(np.asarray(mask.dataobj), phantom.mask.transpose(1, 0, 2))
    assert (image.get_data_dtype(), mask.get_data_dtype()) == (np.int16, np.uint8)


def test_the_same_call_gives_the_same_bytes_and_fewer_cases_are_a_prefix(tmp_path):
    small, large, again = (content(make(tmp_path / name, cases=n)) for name, n in (("a", 2), ("b", 4), ("c", 4)))
    assert large == again
    files = {name: held for name, held in small.items() if name != "cases.csv"}
    assert files.items() <= large.items()
    assert large["cases.csv"].startswith(small["cases.csv"])


def test_what_is_there_is_kept_and_what_is_missing_is_added(tmp_path):
    root = make(tmp_path / "a", cases=2)
    kept = root / "phantom_000/phantom_000_t1.nii.gz"
    kept.write_bytes(b"kept")
    make(root, cases=4)
    assert kept.read_bytes() == b"kept"
    assert len(list(root.glob("phantom_*"))) == 4
    assert len((root / "cases.csv").read_text().splitlines()) == 5


def test_a_killed_run_leaves_no_half_case_and_is_continued(tmp_path, monkeypatch):
    written = []

    def save_three(image, path):
        if len(written) == 6:
            raise KeyboardInterrupt
        written.append(path)
        image.to_filename(path)

    with monkeypatch.context() as patched:
        patched.setattr(dataset_module.nibabel, "save", save_three)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "a")
    assert [folder.name for folder in (tmp_path / "a").glob("phantom_*")] == ["phantom_000"]
    assert not (tmp_path / "a/cases.csv").exists()
    assert content(make(tmp_path / "a")) == content(make(tmp_path / "b"))


def test_the_loser_of_a_race_discards_its_copy(tmp_path, monkeypatch):
    def faster(image, path, save=nibabel.save):
        final = path.parent.parent / "phantom_000"
        final.mkdir(exist_ok=True)
        (final / "winner").touch()
        save(image, path)

    monkeypatch.setattr(dataset_module.nibabel, "save", faster)
    root = make(tmp_path / "a", cases=1)
    assert [path.name for path in (root / "phantom_000").iterdir()] == ["winner"]
    assert not list(root.glob(".*"))


def test_a_rename_that_fails_otherwise_is_told(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no space left"):
        make(tmp_path / "a", cases=1)


@pytest.mark.parametrize("changes", [{"seed": 1}, {"shape": (16, 16, 5)}])
def test_another_recipe_is_refused(tmp_path, changes):
    root = make(tmp_path / "a", cases=1)
    before = content(root)
    with pytest.raises(FileExistsError, match="name another folder"):
        make(root, cases=1, **changes)
    assert content(root) == before


def test_fewer_cases_than_there_are_is_refused(tmp_path):
    root = make(tmp_path / "a", cases=2)
    with pytest.raises(FileExistsError, match="also holds phantom_001"):
        make(root, cases=1)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "patient.nii.gz").touch()
    with pytest.raises(FileExistsError, match=r"holds patient\.nii\.gz"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["patient.nii.gz"]


@pytest.mark.parametrize("changes", [{"cases": 0}, {"shape": (4, 16, 4)}, {"shape": (16, 16, 1)}])
def test_nonsense_is_refused(tmp_path, changes):
    with pytest.raises(ValueError, match="must be 1 case or more"):
        make(tmp_path / "a", **changes)
    assert not (tmp_path / "a").exists()


def test_only_old_parts_of_killed_runs_are_swept(tmp_path):
    root = make(tmp_path / "a", cases=1)
    for name in (".ingest-0-1-old", ".ingest-0-1-young"):
        (root / name).mkdir()
    os.utime(root / ".ingest-0-1-old", (0, 0))
    make(root, cases=1)
    assert [path.name for path in root.glob(".*")] == [".ingest-0-1-young"]


def test_a_run_killed_while_it_wrote_the_recipe_is_continued(tmp_path):
    (tmp_path / ".1234abcd.part-recipe.json").write_text("{")
    assert (make(tmp_path, cases=1) / "cases.csv").exists()


def test_the_command_line(tmp_path):
    command = [sys.executable, ROOT / "scripts/make_phantoms.py", tmp_path / "a", "--cases", "1", "--quiet"]
    ran = subprocess.run([*command, "--shape", "16", "16", "4"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "a/phantom_000").is_dir()
    refused = subprocess.run([*command, "--shape", "16", "16", "5"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "name another folder" in refused.stderr
    assert "Traceback" not in refused.stderr
