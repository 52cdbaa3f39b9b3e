"""Numbers of a header that no slice can have."""

from itertools import product

import pytest
from pydicom import dcmread
from support.dicom_files import save, slice_of

pytest.importorskip("pydicom", minversion="3")
from bundle.dicom import find_stacks, prepare_study, read_headers


def write(folder, **more):
    for number in range(3):
        save(slice_of(number, (0, 0, 3 * number), **more), folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [*product(["RescaleSlope", "RescaleIntercept"], ["nan", "inf"]), ("RescaleSlope", "1e39")],
)
def test_intensities_that_are_no_numbers_are_refused(tmp_path, name, value):
    write(tmp_path / "good", StudyInstanceUID="1.2.10")
    write(tmp_path / "bad", RescaleSlope=1, RescaleIntercept=0)
    for path in (tmp_path / "bad").iterdir():
        found = dcmread(path)
        found[name].value = value
        found.save_as(path)
    cases = {case.account["study_instance_uid"]: case.account for case in prepare_study(tmp_path, tmp_path / "out")}
    assert cases["1.2.9"]["volumes"] == []
    assert "must hold intensities that are numbers" in cases["1.2.9"]["refused"][0]["problems"][0]
    assert len(cases["1.2.10"]["volumes"]) == 1


def test_a_matrix_that_no_file_holds_is_refused_and_the_others_are_read(tmp_path):
    write(tmp_path / "good", StudyInstanceUID="1.2.10")
    write(tmp_path / "bad", Rows=65535)
    cases = {case.account["study_instance_uid"]: case.account for case in prepare_study(tmp_path, tmp_path / "out")}
    assert (
        "must have 1 to 32767 rows, columns and slices, got 65535 x 5 x 3"
        in cases["1.2.9"]["refused"][0]["problems"][0]
    )
    assert len(cases["1.2.10"]["volumes"]) == 1


@pytest.mark.parametrize("name", ["SliceThickness", "PixelSpacing", "ImagePositionPatient"])
def test_a_decimal_comma_is_refused_by_its_attribute(tmp_path, name):
    """And not as a file that is damaged, which to copy again would not mend."""
    value = {"SliceThickness": 1.125, "PixelSpacing": [1.125, 0.5], "ImagePositionPatient": [1.125, 0, 0]}[name]
    write(tmp_path, **({name: value} if name != "ImagePositionPatient" else {}))
    for path in tmp_path.iterdir():
        found = dcmread(path)
        found[name].value = value
        found.save_as(path)
        path.write_bytes(path.read_bytes().replace(b"1.125", b"1,125"))
    stacks, [aside, *_] = find_stacks(read_headers(tmp_path))
    assert (stacks, aside.kind, aside.name) == ([], "refused", "series 7")
    assert f"got an image without {name} as a number: export the series again" in aside.reason
