"""A study folder in; findings, a report and objects out."""

import json
import sys

import numpy as np
import pandas as pd
import pydicom
import pytest
from conftest import ROOT
from support.dicom_files import save, slice_of

from bundle.clinic import StudyNetwork, read_studies
from bundle.dicom import NothingReadable


@pytest.fixture(scope="module")
def network(bundle_root):
    return StudyNetwork(bundle_root, "cpu")


@pytest.fixture
def read(network, tmp_path):
    """Read a folder; return the outcomes."""

    def read(folder, **more):
        return read_studies(folder, tmp_path / "out", network, tmp_path / "key", **more)

    return read


def status(outcome):
    return json.loads((outcome.folder / "status.json").read_text())


def test_everything_comes_out(study, read):
    [outcome] = read(study())
    assert outcome.outcome == "read"
    names = {path.relative_to(outcome.folder).as_posix() for path in outcome.folder.rglob("*") if path.is_file()}
    assert names >= {"report.html", "slices.csv", "findings.json", "findings.nii.gz", "study.json", "status.json"}
    record = status(outcome)
    assert record["outcome"] == "read"
    assert set(record["files_sha256"]) == names - {"status.json"}
    assert set(record["seconds"]) == {"read series", "infer", "write results"}
    assert len(record["model"]["weights_sha256"]) == 64
    objects = [pydicom.dcmread(path) for path in (outcome.folder / "dicom").iterdir()]
    assert {image.StudyInstanceUID for image in objects} == {"1.2.9"}
    assert len({image.SeriesInstanceUID for image in objects}) == len({image.SOPClassUID for image in objects}) >= 3


def test_slices_are_those_of_the_series(study, read):
    [outcome] = read(study())
    rows = pd.read_csv(outcome.folder / "slices.csv")
    assert list(rows["sop_instance_uid"]) == [f"1.2.4.{700 + index}" for index in range(5)]
    assert np.allclose(np.diff(rows["position_mm"]), 3)
    assert rows["probability"].between(0, 1).all()
    found = json.loads((outcome.folder / "findings.json").read_text())["findings"]
    assert all(0 <= finding["key_source_slice"] < 5 for finding in found)


def test_no_identity_leaves(study, read):
    [outcome] = read(study(PatientName="Mustermann^Erika", PatientID="XY4711Z"))
    for path in outcome.folder.rglob("*"):
        assert "4711" not in path.name
        if path.is_file() and path.suffix != ".dcm":
            assert b"Mustermann" not in path.read_bytes()
            assert b"XY4711Z" not in path.read_bytes()


def test_one_study_does_not_take_another_with_it(study, read):
    folder = study("two")
    study("two/b", number=3, slices=4, StudyInstanceUID="1.2.10")
    for index in range(3):  # a second series of the other study: which is meant?
        image = slice_of(
            900 + index, (0, 0, index), StudyInstanceUID="1.2.10", SeriesInstanceUID="1.2.3.4", SeriesNumber=4
        )
        save(image, folder / "c")
    first, second = sorted(read(folder), key=lambda outcome: outcome.outcome, reverse=True)
    assert (first.outcome, second.outcome) == ("read", "no match")
    assert "series 3" in second.text
    assert "series 4" in second.text
    assert status(second)["error"].startswith("NoMatch: the study must hold one series")
    assert sorted(path.name for path in second.folder.iterdir()) == ["report.html", "status.json", "study.json"]


def test_what_fails_within_a_study_is_recorded(study, read, network, monkeypatch):
    def broken(*_):
        raise RuntimeError("the disk is slow")

    monkeypatch.setattr(network, "infer", broken)
    [outcome] = read(study())
    assert outcome.outcome == "failed"
    assert "RuntimeError: the disk is slow" in status(outcome)["error"]


def test_a_folder_without_slices_is_refused(tmp_path, read):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "note.txt").write_text("no image")
    with pytest.raises(NothingReadable, match=r"must hold a DICOM volume, got none"):
        read(tmp_path / "empty")


@pytest.mark.parametrize(("arguments", "expected"), [([], 0), (["--series", "9"], 4)])
def test_exit_status(study, bundle_root, tmp_path, monkeypatch, arguments, expected):
    import runpy

    command = ["read_study.py", str(study()), "--bundle", str(bundle_root), "--output_dir", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", [*command, "--key_file", str(tmp_path / "key"), "--device", "cpu", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "read_study.py"), run_name="__main__")
    assert ended.value.code == expected
