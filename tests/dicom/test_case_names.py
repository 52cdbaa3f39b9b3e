"""The key that names cases, and the table that says whose they are."""

import pytest

pytest.importorskip("pydicom", minversion="3")
from bundle.dicom import CaseNames
from bundle.files import read_csv
from bundle.volumes.dicom_series.planes import Study


def row(names, patient="4711", name="Doe^Jane", uid="1.2.9"):
    return {
        "name": names.of_study(Study(patient, uid)), "patient_id": patient, "patient_name": name,
        "study_instance_uid": uid,
    }  # fmt: skip


@pytest.mark.parametrize("odd", ["Doe\rJane", "Doe\nJane", 'Doe "J", Jane', "Müller^山田", "=1+1", "007", "NA"])
def test_a_name_comes_back_as_it_was_whatever_it_holds(tmp_path, odd):
    names = CaseNames(tmp_path / "key")
    first, second = row(names, odd, odd), row(names, uid="1.2.10")
    names.keep([first])
    names.keep([second])
    table = read_csv(names.keep([second]))
    assert table.drop(columns="file").to_dict("records") == [first, second]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b",", b";"),  # a spreadsheet of many countries saves so
        lambda text: text.decode().encode("cp1252"),
        lambda text: text.replace(b"name", b"Name", 1),
        lambda text: text.split(b"\n", 1)[1],
        lambda text: text.replace(b"007", b"7"),
        lambda text: b"",
    ],
    ids=["semicolons", "cp1252", "header", "no header", "numbers", "empty"],
)
def test_a_table_that_was_saved_in_another_form_is_refused_and_stays_as_it_is(tmp_path, change):
    names = CaseNames(tmp_path / "key")
    table = names.keep([row(names, "007", name="Müller"), row(names, uid="1.2.10")])
    table.write_bytes(changed := change(table.read_bytes()))
    with pytest.raises(ValueError, match=r"key\.names\.csv must be the table of names as it was written") as told:
        names.keep([row(names, uid="1.2.11")])
    assert "Müller" not in str(told.value)
    assert table.read_bytes() == changed


def test_a_table_of_an_earlier_version_or_with_windows_line_ends_is_read(tmp_path):
    names = CaseNames(tmp_path / "key")
    table = names.keep([])
    line = f"{names.of_study(Study('007', '1.2'))},007,Doe,1.2,"
    table.write_text(f"\ufeffname,patient_id,patient_name,study_instance_uid,file\r\n{line}\r\n", newline="")
    names.keep([row(names)])
    assert list(read_csv(table).patient_id) == ["007", "4711"]


def test_a_key_that_is_gone_is_not_made_anew_beside_its_table(tmp_path):
    names = CaseNames(tmp_path / "key")
    names.keep([row(names)])
    kept = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    with pytest.raises(ValueError, match=r"key must be there, as its table key\.names\.csv is, got none: restore it"):
        CaseNames(tmp_path / "key")
    (tmp_path / "key").write_bytes(kept)
    assert CaseNames(tmp_path / "key").of_study(Study("4711", "1.2.9")) == names.of_study(Study("4711", "1.2.9"))


def test_a_key_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert CaseNames("~/key").key == (tmp_path / "key").read_bytes()
