"""Ids: zero is one, NaN is none, and what differs only by case or spaces is one patient."""

import json
import unicodedata

import pytest

from bundle.data import ChannelFiles, Datalist, split_cases, with_identities
from bundle.data.cases.identity import CaseIdentity


def items(*patients, **more):
    return [{"image": f"{n}.nii", "case": f"c{n}", "patient": name, **more} for n, name in enumerate(patients)]


def patients(given):
    return [item["patient"] for item in with_identities(given)]


def test_zero_is_an_id_everywhere():
    [item] = with_identities([{"image": "a.nii", "case": 0, "patient": 0, "site": 0}])
    assert (item["case"], item["patient"], item["site"]) == ("0", "0", "0")
    given = [*items(*[0] * 5, site=0), *[{**item, "case": f"d{item['case']}"} for item in items(1, 2, 3, 4, 5, site=1)]]
    split = split_cases(given)
    parts = [{item["patient"] for item in part} for part in (split.train, split.val, split.test)]
    assert sum("0" in part for part in parts) == 1
    assert {item["patient"] for item in split_cases(given, test_site=0).test} == {"0"}


def test_none_is_not_given():
    [item] = with_identities([{"image": "a.nii", "case": None, "patient": None, "site": None}], warn=False)
    assert (item["case"], item["patient"], item["site"]) == ("a", "a", "unknown")


@pytest.mark.parametrize("value", [float("nan"), "", "  ", "nan", "NaN", "None", "<NA>", "\ufeff", True, ["p"]])
@pytest.mark.parametrize("key", ["case", "patient", "site"])
def test_what_is_no_id_is_refused_with_its_case(key, value):
    named = {"case": "scan", "patient": "p", "site": "s", key: value}
    with pytest.raises(ValueError, match=f"{key} must be"):
        with_identities([{"image": "scan.nii", **named}])


@pytest.mark.parametrize(
    "alike",
    [
        ("P1", "P1 "),
        ("P1", "\u00a0P1"),
        ("7", 7, 7.0),
        ("M\u00fcller", unicodedata.normalize("NFD", "M\u00fcller")),
        ("P1", "\ufeffP1\u200b"),
    ],
)
def test_spaces_at_the_ends_invisible_signs_and_forms_of_a_letter_do_not_count(alike, recwarn):
    assert len(set(patients(items(*alike)))) == 1
    assert not recwarn.list


@pytest.mark.parametrize("alike", [("P2", "p2"), ("P 2", "P\u00a02", "P2"), ("12", "12.0"), ("\uff302", "P2")])
def test_patients_that_look_alike_are_one_with_a_warning(alike):
    with pytest.warns(
        UserWarning, match="patients must differ by more than case or spaces, got .*count as one patient"
    ):
        assert len(set(patients(items(*alike, "Q")))) == 2


def test_cases_that_look_alike_stay_two_with_a_warning():
    with pytest.warns(UserWarning, match="cases must differ by more than case or spaces, got 'A' and 'a': they stay"):
        given = with_identities([{"image": f"{name}.nii", "case": name, "patient": "p"} for name in "aA"])
    assert [item["case"] for item in given] == ["a", "A"]


def folder(tmp_path, table, cases=("c0", "c1")):
    for case in cases:
        (tmp_path / case).mkdir()
        (tmp_path / case / f"{case}_t1.nii").touch()
    (tmp_path / "cases.csv").write_text(table, encoding="utf-8")
    return ChannelFiles(tmp_path, ["t1"], mask=None, table="cases.csv")


def test_cells_of_a_table_are_stripped(tmp_path):
    finder = folder(tmp_path, "case , patient,site\n c0,P1,x \nc1 ,P1 ,x\n,,\n")
    assert [(case.patient, case.site) for case in finder.find()] == [("P1", "x")] * 2


def test_a_decomposed_folder_name_is_found_in_the_table(tmp_path):
    name = unicodedata.normalize("NFD", "caf\u00e9")
    assert [case.patient for case in folder(tmp_path, "case,patient\ncaf\u00e9,P1\n", (name,)).find()] == ["P1"]


@pytest.mark.parametrize("cell", ["", "  ", "nan"])
def test_an_empty_cell_is_refused_with_table_and_case(tmp_path, cell):
    finder = folder(tmp_path, f"case,patient,site\nc0,{cell},x\nc1,P1,x\n")
    with pytest.raises(ValueError, match=r"cases\.csv, case 'c0': patient must be an id, got"):
        finder.find()


def test_a_table_in_another_encoding_or_absent_is_refused(tmp_path):
    finder = folder(tmp_path, "")
    (tmp_path / "cases.csv").write_bytes(b"case,patient\nc0,M\xfcller\nc1,P\n")
    with pytest.raises(ValueError, match=r"cases\.csv, line 2, must be UTF-8, got .*M\\xfcller"):
        finder.find()
    (tmp_path / "cases.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"cases\.csv must be a CSV with case, site and patient, got no such"):
        finder.find()


@pytest.mark.parametrize("label", [0, 1, 0.0, True, [0, 1], [], "", [None]])
def test_a_label_of_the_whole_volume_is_refused_whatever_the_number(tmp_path, label):
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"training": [{"image": "a.nii", "case": "a", "patient": "p", "label": label}]}))
    with pytest.raises(
        ValueError, match=r"list\.json: case 'a' of a\.nii: label must be the path of a mask or of a CSV, got"
    ):
        Datalist(path).find()


def test_pandas_nan_in_a_datalist_is_refused_with_file_and_case(tmp_path):
    path = tmp_path / "list.json"
    path.write_text('{"training": [{"image": "a.nii", "case": "a", "patient": NaN}]}')
    with pytest.raises(ValueError, match=r"list\.json: case 'a' of a\.nii: patient must be an id, got nan"):
        Datalist(path).find()


@pytest.mark.parametrize("column", ["Patient", "patient_id", "pateint"])
def test_a_table_with_a_slip_for_patient_is_refused(tmp_path, column):
    (tmp_path / "cases.csv").write_text(f"case,site,{column}\na,x,P1\n")
    with pytest.raises(ValueError, match=f"must have the column patient, got '{column}'"):
        CaseIdentity(table=tmp_path / "cases.csv")
