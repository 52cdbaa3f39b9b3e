"""scripts/check_data.py with the overlays of configs/datasets, on small files laid out as each set is."""

import json
import runpy
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT
from PIL import Image


def volume(path: Path, *, mask: bool = False, channels: int | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.random.default_rng(0).random((6, 5, 4) if channels is None else (6, 5, 4, channels)).astype(np.float32)
    if mask:
        data = np.zeros((6, 5, 4), np.uint8)
        data[2, 2, 1], data[2, 2, 2] = 1, 2
    nib.save(nib.Nifti1Image(data, np.eye(4)), path)


def channel_files(root: Path, case: str, channels: list[str], suffix: str) -> None:
    for channel in channels:
        volume(root / case / f"{case}_{channel}{suffix}", mask=channel == "seg")


def demo(root: Path) -> None:
    channel_files(root, "a", ["t1", "t2", "flair", "seg"], ".nii.gz")
    (root / "cases.csv").write_text("case,patient,site\na,p,north\n")


def brats2020(root: Path) -> None:
    case = "BraTS20_Training_001"
    channel_files(root / "MICCAI_BraTS2020_TrainingData", case, ["t1", "t1ce", "t2", "flair", "seg"], ".nii")


def lgg(root: Path) -> None:
    channel_files(root, "TCGA_CS_4942", ["pre", "flair", "post", "seg"], ".nii.gz")


def lits17(root: Path) -> None:
    volume(root / "scans/volume-0.nii")
    volume(root / "segmentations/segmentation-0.nii", mask=True)


def kaggle_3m(root: Path) -> None:
    folder = root / "TCGA_CS_4941_19960909"
    folder.mkdir()
    for index in range(1, 4):
        pixels = np.random.default_rng(index).integers(0, 255, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{folder.name}_{index}.tif")
        Image.fromarray(pixels[..., 0] // 128 * 255).save(folder / f"{folder.name}_{index}_mask.tif")


def msd(root: Path) -> None:
    volume(root / "imagesTr/B_1.nii.gz", channels=4)
    volume(root / "labelsTr/B_1.nii.gz", mask=True)
    listed = {"training": [{"image": "./imagesTr/B_1.nii.gz", "label": "./labelsTr/B_1.nii.gz"}]}
    (root / "dataset.json").write_text(json.dumps(listed))


def datalist(root: Path) -> None:
    volume(root / "x.nii.gz", channels=3)
    entry = {"image": "x.nii.gz", "case": "x", "patient": "x", "site": "s"}
    (root / "datalist.json").write_text(json.dumps({"training": [entry]}))


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["check_data.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(ROOT / "scripts/check_data.py"), run_name="__main__")
    return stopped.value.code


@pytest.mark.parametrize(
    ("overlay", "layout", "row"),
    [
        ("demo", demo, "a p north 4 2"),
        ("brats2020", brats2020, "BraTS20_Training_001 BraTS20_Training_001 unknown 4 2"),
        ("lits17_organ", lits17, "volume-0 volume-0 unknown 4 2"),
        ("lits17_lesion", lits17, "volume-0 volume-0 unknown 4 1"),
        ("lgg", lgg, "TCGA_CS_4942 TCGA_CS_4942 CS 4 2"),
        ("kaggle_3m", kaggle_3m, "TCGA_CS_4941_19960909 TCGA_CS_4941 CS 3 3"),
        ("msd", msd, "B_1 B_1 unknown 4 2"),
        ("datalist", datalist, "x x s 4 -"),
    ],
)
def test_overlay_finds_the_published_layout(tmp_path, monkeypatch, capsys, overlay, layout, row):
    root = tmp_path / "data"
    root.mkdir()
    layout(root)
    files = [str(ROOT / "configs/train.json"), str(ROOT / f"configs/datasets/{overlay}.yaml")]
    sheet = tmp_path / "sheet.png"
    status = run(monkeypatch, "--config_file", str(files), "--dataset_dir", str(root), "--sheet", str(sheet))
    printed = capsys.readouterr().out
    assert status == 0, printed
    assert "warning: " not in printed
    assert " ".join(printed.splitlines()[1].split()).startswith(row)
    assert sheet.stat().st_size > 0


def test_errors_set_the_exit_status_and_are_all_printed(tmp_path, monkeypatch, capsys):
    volume(tmp_path / "a.nii.gz", channels=4)
    entries = [{"image": name, "case": name, "patient": name} for name in ("a.nii.gz", "absent.nii.gz")]
    (tmp_path / "list.json").write_text(json.dumps(entries))
    assert run(monkeypatch, "--datalist", str(tmp_path / "list.json"), "--sheet", str(tmp_path / "s.png")) == 1
    printed = capsys.readouterr().out
    assert "got 4D, shape (6, 5, 4, 4)" in printed
    assert "absent.nii.gz must be the file of a channel, got no such file" in printed
    assert "2 cases, 2 errors, 0 warnings" in printed


def test_files_that_no_case_holds_are_told_below_the_table(tmp_path, monkeypatch, capsys):
    lits17(tmp_path)
    volume(tmp_path / "scans/volume-1.nii.gz")
    files = [str(ROOT / "configs/train.json"), str(ROOT / "configs/datasets/lits17_organ.yaml")]
    sheet = str(tmp_path / "s.png")
    assert run(monkeypatch, "--config_file", str(files), "--dataset_dir", str(tmp_path), "--sheet", sheet) == 0
    last = capsys.readouterr().out.splitlines()[-2]
    assert last.startswith(f"warning: {tmp_path}: 1 image file of no known case left out, e.g. scans/volume-1.nii.gz")


def test_a_knob_without_config_files_is_refused(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "--datalist", str(tmp_path / "list.json"), "--mask_values", "[6]") == 2
    assert "--mask_values needs --config_file or --args_file" in capsys.readouterr().err


def test_a_split_that_is_not_used_is_not_told_of(tmp_path, monkeypatch, capsys):
    volume(tmp_path / "x.nii.gz", channels=3)
    lists = {name: [{"image": "x.nii.gz", "case": name, "patient": "x"}] for name in ("training", "validation")}
    (tmp_path / "datalist.json").write_text(json.dumps(lists))
    files = str([str(ROOT / "configs/train.json"), str(ROOT / "configs/datasets/datalist.yaml")])
    options = ["--config_file", files, "--dataset_dir", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")]
    assert run(monkeypatch, *options, "--data_split", "False") == 0
    assert "own split" not in capsys.readouterr().out
