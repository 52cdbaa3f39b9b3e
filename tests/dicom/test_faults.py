"""Whatever happens, what is there is whole, and what is not is named."""

import errno
import json
import os
import shutil
import signal
import subprocess

import nibabel as nib
import pytest
from support import dicom_files
from support.dicom_series import NEEDS, SERIES, series

pytest.importorskip("pydicom", minversion="3")
from bundle.dicom import prepare, prepare_study, stack_files
from bundle.files import read_csv
from bundle.volumes.dicom_series import read_series

FAST = [name for name in SERIES if not any(words in name for words in NEEDS)]
PLACES = [(read_series, "read_slices"), (stack_files, "save_slices"), (stack_files, "write_csv"),
          (prepare, "write_masks"), (prepare, "write_json")]  # fmt: skip


@pytest.fixture
def studies(tmp_path, monkeypatch):
    """Two studies of two series each."""
    for study in ("1.2.9", "1.2.99"):
        monkeypatch.setattr(dicom_files, "STUDY", study)
        for number in (7, 8):
            uid = f"{study}.{number}"
            series(tmp_path / f"in/{uid}", [0, 4], SeriesInstanceUID=uid, SeriesNumber=number)
    return tmp_path


def whole(out):
    """Number of cases, each with every file that its account names."""
    cases = [folder for folder in out.iterdir() if not folder.name.startswith(".")] if out.exists() else []
    for case in cases:
        volumes = json.loads((case / "study.json").read_text())["volumes"]
        assert {case / volume["file"] for volume in volumes} == set(case.glob("*/volume.nii"))
        for volume in volumes:
            assert nib.load(case / volume["file"]).get_fdata().shape == tuple(volume["shape"])
            assert len(read_csv((case / volume["file"]).with_name("slices.csv"))) == volume["slices"]
    return len(cases)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
def test_a_kill_leaves_whole_cases_and_the_next_run_makes_the_rest(studies, place, count, monkeypatch):
    module, name = place
    original, calls = getattr(module, name), []

    def killed(*args):
        calls.append(name)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args)

    child = os.fork()
    if not child:
        setattr(module, name, killed)
        prepare_study(studies / "in", studies / "out", studies / "key")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    of_a_study = 1 if module is prepare else 2
    finished = 2 if count > 2 * of_a_study else (count - 1) // of_a_study
    assert os.WIFSIGNALED(status) == (count <= 2 * of_a_study)
    assert whole(studies / "out") == finished
    prepare_study(studies / "in", studies / "out", studies / "key")
    assert whole(studies / "out") == 2


@pytest.mark.parametrize("place", PLACES[1:], ids=lambda place: place[1])
def test_a_disk_that_fills_up_keeps_the_cases_before_and_leaves_no_half_one(studies, place, monkeypatch):
    module, name = place
    original, calls = getattr(module, name), []

    def full(*args):
        calls.append(name)
        if len(calls) == (2 if module is prepare else 4):
            raise OSError(errno.ENOSPC, "no space")
        return original(*args)

    monkeypatch.setattr(module, name, full)
    with pytest.raises(OSError, match="must have space left"):
        prepare_study(studies / "in", studies / "out", studies / "key")
    assert (whole(studies / "out"), len(list((studies / "out").iterdir()))) == (1, 1)


def test_a_small_disk_that_is_really_full(studies):
    disk = studies / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    try:
        with pytest.raises(OSError, match="must have space left"):
            prepare_study(studies / "in", disk / "out", studies / "key")
        assert whole(disk / "out") <= 1
        assert not list((disk / "out").glob(".*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_all_series_of_the_table_in_one_folder(tmp_path, monkeypatch):
    """The good ones come out whole, the others are named with their reasons."""
    for number, name in enumerate(FAST):
        monkeypatch.setattr(dicom_files, "STUDY", f"1.2.9.{number}")
        SERIES[name].write(tmp_path / f"in/{number}")
    accounts = {}
    for case in prepare_study(tmp_path / "in", tmp_path / "out", tmp_path / "key"):
        accounts.setdefault(case.account["study_instance_uid"], []).append(case.account)
    for number, name in enumerate(FAST):
        mine, expected = accounts[f"1.2.9.{number}"], SERIES[name]
        volumes = [volume for account in mine for volume in account["volumes"]]
        assert len(volumes) == (0 if expected.outcome == "refused" else expected.stacks), name
        flags = set(expected.words.split() if expected.outcome == "flag" else ())
        told = {flag for volume in volumes for flag in volume["flags"]}
        assert told - {"torn"} == flags - {"torn"}, name  # all studies have the UID of one series
        reasons = [text for account in mine for entry in account["refused"] for text in entry["problems"]]
        assert volumes or reasons or [entry for account in mine for entry in account["set_aside"]]
    assert whole(tmp_path / "out") == sum(len(each) for each in accounts.values())
