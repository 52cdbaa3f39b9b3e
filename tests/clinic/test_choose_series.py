"""One series is read; none and several are outcomes that name what there is."""

from pathlib import Path

import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
pytest.importorskip("highdicom", reason="needs the extra dicom")

from support.dicom_files import save, slice_of

from bundle.clinic import NoMatch, choose_series
from bundle.dicom import find_stacks, read_headers

SAGITTAL = [0, 1, 0, 0, 0, -1]


def stacks(folder: Path):
    return find_stacks(read_headers(folder))[0]


def test_the_only_series_is_chosen(study):
    [only] = stacks(study())
    assert choose_series([only]) is only


def test_several_are_named_and_one_can_be_chosen(study):
    study(number=7)
    found = stacks(study(number=8))
    with pytest.raises(NoMatch, match=r"got 2: series 7 \(CT, axial, 48 x 40 x 5\); series 8 .*--series"):
        choose_series(found)
    assert choose_series(found, numbers=["8"]).planes[0].number == "8"
    with pytest.raises(NoMatch, match=r"one series of axial slices with the number 9, got none; it has series 7"):
        choose_series(found, numbers=["9"])


def test_slices_of_another_direction_are_no_match(tmp_path):
    for index in range(3):
        save(slice_of(index, (3 * index, 0, 0), ImageOrientationPatient=SAGITTAL), tmp_path / "s")
    [found] = stacks(tmp_path)
    with pytest.raises(NoMatch, match=r"axial slices, got none; it has series 7 \(CT, sagittal"):
        choose_series([found])
    assert choose_series([found], axcodes="IPL") is found
    assert choose_series([found], axcodes=None) is found


def test_a_refused_series_is_never_chosen(study):
    folder = study()
    save(slice_of(1, (-10, -20, 3), value=9, size=(40, 48), SeriesInstanceUID="1.2.3.7"), folder)
    [found] = stacks(folder)
    assert found.problems
    with pytest.raises(NoMatch, match=r"got none\."):
        choose_series([found])
