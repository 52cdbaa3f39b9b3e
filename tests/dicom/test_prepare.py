"""A study folder becomes volumes, tables of slices and an account, without a word about whose it is."""

import errno
import importlib.util
import json
import sys

import nibabel as nib
import numpy as np
import pytest
from conftest import ROOT
from support.dicom_files import enhanced, save, slice_of

pytest.importorskip("pydicom", minversion="3")
from bundle.dicom import CaseNames, NothingReadable, prepare_study, stack_files
from bundle.files import read_csv
from bundle.volumes.dicom_series import read_series
from bundle.volumes.dicom_series.planes import Study

SPEC = importlib.util.spec_from_file_location("prepare_study", ROOT / "scripts/prepare_study.py")
script = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(script)


@pytest.fixture
def study(tmp_path):
    """A tilted CT, an MR of two times, a scout, a note, a cut header and cut pixels, of two patients."""
    folder = tmp_path / "Doe^Jane"
    for number in (1, 2, 3):
        tilted = [1, 0, 0, 0, 0.8, 0.6]
        save(slice_of(number, (0, 0, 5 * number), ImageOrientationPatient=tilted), folder / "ct")
        other = {"SeriesInstanceUID": "1.2.33", "SeriesNumber": 8, "PatientID": "0815", "StudyInstanceUID": "1.2.99"}
        image = slice_of(number + 10, (0, 0, 5 * number), PatientName="Roe^Richard", **other)
        image.PixelData = image.PixelData[: 40 if number < 3 else 4]
        save(image, folder / "b")
    save(slice_of(4, (0, 0, 9), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), folder / "ct")
    times = [{"position": (0, 0, z), "value": z, "time": time} for z in (0, 3) for time in (1, 2)]
    save(enhanced(times, uid="1.2.5.1", SeriesInstanceUID="1.2.34", SeriesNumber=9), folder)
    (folder / "Doe.txt").write_text("Jane")
    (folder / "cut.dcm").write_bytes(b"")
    return folder


def by_name(cases):
    return {case.account["study_instance_uid"]: case for case in cases}


def test_good_series_come_out_whole_and_the_others_are_named(study, tmp_path):
    cases = by_name(prepare_study(study, tmp_path / "out", tmp_path / "key"))
    ct, first, second = sorted(cases["1.2.9"].account["volumes"], key=lambda volume: volume["file"])
    assert (ct["file"], ct["shape"]) == ("series7_ct/volume.nii", [5, 4, 3])
    assert list(ct["flags"]) == ["tilt"]
    assert (first["file"], second["file"]) == ("series9_mr/volume.nii", "series9_mr_2/volume.nii")
    aside = [(entry["kind"], entry["reason"]) for entry in cases["1.2.9"].account["set_aside"]]
    assert ("set aside", "scout") in aside
    assert ("not DICOM", "") in aside
    assert ("damaged", "its header cannot be read: copy it again") in aside
    [refused] = cases["1.2.99"].account["refused"]
    assert refused["problems"] == [
        "series 8 must hold whole pixel data, got some on which its decoder stops (ValueError): copy or export the "
        "series again."
    ]
    assert not (cases["1.2.99"].folder / "series8_ct").exists()
    account = json.loads((cases["1.2.9"].folder / "study.json").read_text())
    assert ct["file"] in {volume["file"] for volume in account["volumes"]}


def test_the_volume_and_its_table_say_where_every_slice_lies(study, tmp_path):
    folder = by_name(prepare_study(study, tmp_path / "out", tmp_path / "key"))["1.2.9"].folder
    image = nib.load(folder / "series7_ct/volume.nii")
    assert image.get_data_dtype() == np.int16
    assert np.asarray(image.dataobj)[0, 0].tolist() == [50, 100, 150]
    np.testing.assert_allclose(image.get_sform()[:3, 2], [0, 0, 5])
    assert abs(image.get_qform()[:3, 1] @ image.get_qform()[:3, 2]) < 1e-6  # upright
    table = read_csv(folder / "series7_ct/slices.csv", text=["sop_instance_uid"])
    assert table.sop_instance_uid.tolist() == ["1.2.4.1", "1.2.4.2", "1.2.4.3"]
    assert table.frame.isna().all()
    np.testing.assert_allclose(table.position_mm, [4, 8, 12])
    assert table.patient_z.tolist() == [5, 10, 15]
    assert read_csv(folder / "series9_mr_2/slices.csv", text=["sop_instance_uid"]).frame.tolist() == [2, 4]


def test_a_patient_has_one_name_in_all_studies(tmp_path):
    names = CaseNames(tmp_path / "key")
    assert (
        names.of_patient(Study("4711", "1"))
        == names.of_patient(Study("4711", "2"))
        != names.of_patient(Study("4", "1"))
    )
    assert CaseNames(None).of_patient(Study("47 11", "1")) == "47_11"


def test_nothing_of_a_patient_leaves_but_for_the_table_that_stays(study, tmp_path, monkeypatch, capsys):
    status = run(monkeypatch, study, "--output_dir", tmp_path / "out", "--key_file", tmp_path / "mine" / "key")
    output = capsys.readouterr().out
    assert status == 0
    written = list((tmp_path / "out").rglob("*"))
    told = " ".join([output, *(str(path.relative_to(tmp_path)) for path in written)]).encode()
    told += b"".join(path.read_bytes() for path in written if path.is_file())
    assert not [word for word in (b"Doe", b"Jane", b"Roe", b"Richard", b"4711", b"0815") if word in told]
    table = tmp_path / "mine" / "key.names.csv"
    assert (table.stat().st_mode & 0o777, (tmp_path / "mine" / "key").stat().st_mode & 0o777) == (0o600, 0o600)
    rows = read_csv(table)
    assert set(rows.patient_id) == {"4711", "0815", ""}
    assert rows.patient_name.tolist()[0] == "Doe^Jane"
    assert rows.file.tolist()[-1].endswith("cut.dcm")
    run(monkeypatch, study, "--output_dir", tmp_path / "out", "--key_file", tmp_path / "mine" / "key")
    assert read_csv(table).equals(rows)
    assert set(written) == set((tmp_path / "out").rglob("*"))


def test_a_user_may_ask_for_the_identity(study, tmp_path, monkeypatch):
    assert run(monkeypatch, study, "--output_dir", tmp_path / "out", "--identify") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0815_1.2.99", "4711_1.2.9"]


def test_nothing_readable_has_a_status_of_its_own(study, tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, study / "b", "--output_dir", tmp_path / "out", "--key_file", tmp_path / "key") == 3
    assert "got none:" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/a.txt").write_text("no image")
    with pytest.raises(NothingReadable, match="not DICOM: a file"):
        prepare_study(tmp_path / "empty", tmp_path / "out", None)
    assert run(monkeypatch, tmp_path / "nowhere", "--output_dir", tmp_path / "out", "--identify") == 1
    assert "must be a folder with a DICOM study" in capsys.readouterr().err


def test_what_is_said_of_several_stacks_is_said_once(tmp_path):
    for number in range(3):
        save(slice_of(number, (0, 0, 5 * number)), tmp_path / "study")
    for number, turned in enumerate(([1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1]), 10):  # one image of each direction
        image = slice_of(number, (0, 0, 0), SeriesInstanceUID="1.2.77", SeriesNumber=5, ImageOrientationPatient=turned)
        save(image, tmp_path / "study")
    [case] = prepare_study(tmp_path / "study", tmp_path / "out", tmp_path / "key")
    assert (len(case.account["refused"]), case.text.count("refused")) == (2, 1)


def test_a_full_disk_leaves_no_half_case(study, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(stack_files, "write_csv", full)
    with pytest.raises(OSError, match="must have space left"):
        prepare_study(study, tmp_path / "out", tmp_path / "key")
    assert list((tmp_path / "out").iterdir()) == []
    monkeypatch.setattr(read_series, "read_slices", full)
    with pytest.raises(OSError, match="must have space left"):
        prepare_study(study, tmp_path / "out", tmp_path / "key")


def test_a_short_key_is_refused(study, tmp_path):
    (tmp_path / "key").write_text("abc")
    with pytest.raises(ValueError, match="must hold a key of at least 32 characters, got 3"):
        prepare_study(study, tmp_path / "out", tmp_path / "key")


@pytest.mark.parametrize("version", [None, "2.4.4"])
def test_without_pydicom_3_the_extra_is_named(version, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pydicom", version and type("", (), {"__version__": version}))
    for name in [name for name in sys.modules if name.startswith(("bundle.dicom", "bundle.volumes.dicom_series"))]:
        monkeypatch.delitem(sys.modules, name)
    assert run(monkeypatch, tmp_path, "--output_dir", tmp_path / "out", "--identify") == 1
    assert "pip install 'lgm-vit[dicom]'" in capsys.readouterr().err


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["prepare_study.py", *map(str, arguments)])
    return script.main()
