"""Folders that are another data set, cannot be read, or have names that are no text."""

import os
import re
import warnings
from pathlib import Path

import pytest
from conftest import ROOT
from support.bundle import tiny_bundle
from support.datasets import LAYOUTS

from bundle.data import ChannelFiles, DecathlonCases, NnunetCases, PairedVolumes, SliceImages
from bundle.data.cases.fitting_overlays import fitting_overlays


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - {"lits17_organ"}))
def test_the_overlay_of_a_layout_is_among_those_that_fit(tmp_path, layout):
    LAYOUTS[layout](tmp_path)
    assert (layout, 5) in fitting_overlays(tmp_path)


def test_a_channel_that_no_case_has_is_one_complaint_with_the_overlays_that_fit(tmp_path):
    LAYOUTS["lgg"](tmp_path)
    with pytest.raises(FileNotFoundError) as told:
        ChannelFiles(tmp_path, ["t1", "t2", "flair"]).find()
    assert str(told.value) == (
        f"{tmp_path} must hold t1, t2, flair of each case, got 5 cases without t1, t2 (case 'TCGA_CS_4940' has flair, "
        "post, pre, seg): name the channels in the finder as the files do, or take the overlay of the data set "
        "(configs/datasets). Tried: configs/datasets/lgg.yaml finds 5 cases there."
    )


@pytest.mark.parametrize(
    ("layout", "finder"),
    [
        ("nnunet", DecathlonCases),
        ("kits", lambda root: ChannelFiles(root, ["t1"])),
        ("totalsegmentator", PairedVolumes),
        ("msd", SliceImages),
        ("brats2024_menrt", NnunetCases),
    ],
)
def test_a_finder_that_finds_nothing_names_the_overlay_that_does(tmp_path, layout, finder):
    LAYOUTS[layout](tmp_path)
    with pytest.raises(
        (FileNotFoundError, ValueError), match=rf"Tried: .*configs/datasets/{layout}\.yaml finds 5 cases"
    ):
        finder(tmp_path).find()


def test_images_that_dataset_json_lists_and_nnunet_names_otherwise(tmp_path):
    LAYOUTS["nnunet"](tmp_path)
    pairs = ",".join(f'{{"image": "./imagesTr/c_{n}.nii.gz", "label": "./labelsTr/c_{n}.nii.gz"}}' for n in range(5))
    (tmp_path / "dataset.json").write_text(f'{{"training": [{pairs}]}}')  # as version 1 writes it
    with pytest.raises(FileNotFoundError, match=r"must hold the images that dataset\.json lists.*nnunet\.yaml finds 5"):
        DecathlonCases(tmp_path).find()


def test_nnunet_has_all_channels_that_any_case_has(tmp_path):
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "imagesTr/b_1_0000.nii.gz", "labelsTr/a.nii.gz")
    a, b = NnunetCases(tmp_path).find()
    assert (a.case, b.case) == ("a", "b_1")
    assert [Path(file).name for file in b.images] == ["b_1_0000.nii.gz", "b_1_0001.nii.gz"]
    assert (Path(a.label).exists(), Path(b.label).name) == (True, "b_1.nii.gz")


GLI, MENRT = ["t1n", "t2w", "t2f", "seg"], ["t1c", "gtv"]
BRATS = {
    "BraTS-GLI-00000-000": "BraTS-GLI-00000",
    "BraTS-GLI-00005-100": "BraTS-GLI-00005",
    "BraTS-GLI-00005-101": "BraTS-GLI-00005",
    "BraTS-SSA-00002-000": "BraTS-SSA-00002",
    "BraTS-MEN-00004-000": "BraTS-MEN-00004",
    "BraTS-MET-00086-000": "BraTS-MET-00086",
    "BraTS-PED-00002-000": "BraTS-PED-00002",
    "BraTS-GoAT-00003": "BraTS-GoAT-00003",
}


def found(overlay, root):
    parser = tiny_bundle("train", [f"datasets/{overlay}"], root.parent)
    parser["dataset_dir"] = str(root)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cases = parser.get_parsed_content("finder").find()
    return {case.case: case.patient for case in cases}, [str(one.message) for one in told]


@pytest.mark.parametrize("mark", ["_", "-"])
def test_names_of_brats_2023_and_2024(tmp_path, mark):
    root = tmp_path / "data"
    touch(root, *(f"{case}/{case}-{part}.nii.gz" for case in BRATS for part in [*GLI, "t1c"]))
    assert found("brats2023", root) == (BRATS, [])
    touch(root, *(f"BraTS-MEN-RT-0002-1/BraTS-MEN-RT-0002-1{mark}{part}.nii.gz" for part in MENRT))
    cases, [message] = found("brats2023", root)
    assert cases == BRATS
    assert "e.g. BraTS-MEN-RT-0002-1/" in message
    cases, told = found("brats2024_menrt", root)
    assert cases == {"BraTS-MEN-RT-0002-1": "BraTS-MEN-RT-0002"}
    assert told


@pytest.mark.parametrize("finder", [lambda root: ChannelFiles(root, ["t1"]), SliceImages])
@pytest.mark.parametrize("others", [[], ["a/a_t1.nii", "a/a_1.tif"]])
def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch, finder, others):
    touch(tmp_path, *others, "locked/locked_t1.nii")
    scandir = os.scandir

    def refuse(path="."):
        if Path(os.fspath(path)).name == "locked":
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        PermissionError, match=r"locked must be a folder that this user may read, got Permission denied"
    ):
        finder(tmp_path).find()


def test_what_the_file_system_keeps_for_itself_is_passed_over(tmp_path, monkeypatch):
    touch(tmp_path, "a/a_t1.nii", "lost+found/x.nii")
    assert [case.case for case in ChannelFiles(tmp_path, ["t1"]).find()] == ["a"]


LATIN = b"M\xfcller"


@pytest.mark.parametrize(
    ("finder", "name"),
    [
        (lambda root: ChannelFiles(root, ["t1"]), LATIN + b"/" + LATIN + b"_t1.nii"),
        (lambda root: PairedVolumes(root, "*/imaging.nii.gz", None), LATIN + b"/imaging.nii.gz"),
        (DecathlonCases, b"imagesTr/" + LATIN + b".nii.gz"),
        (NnunetCases, b"imagesTr/" + LATIN + b"_0000.nii.gz"),
    ],
)
def test_a_name_that_is_no_text_is_refused_readably(tmp_path, finder, name):
    try:
        touch(tmp_path, os.fsdecode(name))
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.raises(ValueError, match=r"M\\xfcller.* must have a name in UTF-8.*rename files and folders") as told:
        finder(tmp_path).find()
    assert str(told.value).encode()


def test_a_stray_file_of_such_a_name_can_be_told(tmp_path):
    touch(tmp_path, "a/a_t1.nii")
    try:
        touch(tmp_path, os.fsdecode(LATIN + b".nii"))
    except OSError:
        pytest.skip("this file system takes no such names")
    with pytest.warns(UserWarning, match=re.escape(r"e.g. M\xfcller.nii")):
        ChannelFiles(tmp_path, ["t1"]).find()


def test_every_overlay_can_be_tried():
    assert {path.stem for path in (ROOT / "configs/datasets").glob("*.yaml")} == set(LAYOUTS)


def test_two_masks_of_one_case_are_refused(tmp_path):
    for name in ("imagesTr/c_1_0000.nii.gz", "labelsTr/c_1.nii.gz", "labelsTr/c_1.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match="case 'c_1' must have one mask, got"):
        NnunetCases(tmp_path).find()
