"""One series is read; none and several are outcomes that name what there is."""

from pathlib import Path

import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
pytest.importorskip("highdicom", reason="needs the extra dicom")

from support.dicom_files import save, slice_of

from bundle.clinic import NoMatch, choose_series
from bundle.clinic.choose_series import choose_named
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


def test_series_that_somebody_selected_come_in_the_order_of_the_channels(study):
    study(number=7)
    found = stacks(study(number=8))
    channels = choose_named(found, ["t1", "flair"], {"flair": {"1.2.3.7"}, "t1": {"1.2.3.8"}})
    assert [(one.name, one.stack.planes[0].number) for one in channels] == [("t1", "8"), ("flair", "7")]


SELECTED = {
    "two for a channel": ({"t1": {"1.2.3.7", "1.2.3.8"}}, r"got series 7 \(.*\); series 8 .*: correct its rules"),
    "another name": ({"T1 axial": {"1.2.3.7"}, "t1": set()}, "got none; selected were T1 axial: correct its rules"),
    "a series that is not there": ({"t1": {"1.2.3.9"}}, "got none; selected were t1: correct its rules"),
    "nothing": ({}, "got none; selected were none"),
}


@pytest.mark.parametrize("name", SELECTED)
def test_a_selection_that_names_no_single_series_is_no_match(study, name):
    study(number=7)
    named, words = SELECTED[name]
    with pytest.raises(NoMatch, match=f"the selection t1 must be one series that can be read, {words}"):
        choose_named(stacks(study(number=8)), ["t1"], named)


def test_one_series_is_not_two_channels(study):
    with pytest.raises(NoMatch, match="the selections t1 and flair must be two series, got series 7"):
        choose_named(stacks(study()), ["t1", "flair"], {"t1": {"1.2.3.7"}, "flair": {"1.2.3.7"}})


def test_a_selected_series_must_be_what_the_network_reads(study):
    folder = study()
    with pytest.raises(NoMatch, match="one MR series of axial slices, got none"):
        choose_named(stacks(folder), ["t1"], {"t1": {"1.2.3.7"}}, modalities={"MR"})
    with pytest.raises(NoMatch, match="series of sagittal slices, got none"):
        choose_named(stacks(folder), ["t1"], {"t1": {"1.2.3.7"}}, "IPL")
    save(slice_of(1, (-10, -20, 3), value=9, size=(40, 48), SeriesInstanceUID="1.2.3.7"), folder)
    with pytest.raises(NoMatch, match="can be read, got none: series 7 must hold one slice at a position"):
        choose_named(stacks(folder), ["t1"], {"t1": {"1.2.3.7"}})
