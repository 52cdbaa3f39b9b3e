"""Objects are named by the UIDs of their source: where these are none, no archive files them, and none are written."""

import pytest
from pydicom import dcmread
from support.readings import reading_of, stack_of, write_series

pytest.importorskip("highdicom")
from bundle.dicom.objects import write_objects
from bundle.dicom.uids import uid_problems, uid_warnings
from bundle.volumes.problem import FileProblem

UNFIT = {"letters": "1.2.x", "none": "", "two dots": "1.2..3", "too long": f"1.{'2' * 63}"}
NAMES = {"StudyInstanceUID": "Study", "SeriesInstanceUID": "Series", "SOPInstanceUID": "SOP"}


def stack_with(folder, name, value):
    """The stack of a series in which a UID has another value; that of its images ends in their number."""
    write_series(folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        image = dcmread(path)
        image[name].value = f"{value}{number}" if name == "SOPInstanceUID" else value
        image.save_as(path)
    return stack_of(folder)


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("name", NAMES)
def test_no_object_is_written_of_a_source_without_proper_uids(tmp_path, name, value):
    if name == "SOPInstanceUID" and not value:
        pytest.skip("several images without one are refused before")
    reading = reading_of(stack_with(tmp_path / "study", name, value))
    words = rf"must have UIDs of digits and dots, .* got a {NAMES[name]} Instance UID that is not valid: correct it"
    with pytest.raises(FileProblem, match=words):
        write_objects(reading, tmp_path / "objects")
    assert not (tmp_path / "objects").exists()
    [warning] = uid_warnings([reading.stack])
    assert warning.startswith("No DICOM objects were written: series 7 must have UIDs")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("StudyInstanceUID", "1.2.03", "Study Instance UID."),
        ("SOPInstanceUID", "1.2.0", "SOP Instance UID."),
        ("FrameOfReferenceUID", "1.2.x", "Frame of Reference UID."),
    ],
)
def test_what_an_archive_may_take_is_written_with_a_warning(tmp_path, name, value, words):
    stack = stack_with(tmp_path / "study", name, value)
    [warning] = uid_warnings([stack])
    assert warning.startswith("An archive may refuse the DICOM objects")
    assert warning.endswith(words)
    written = write_objects(reading_of(stack), tmp_path / "objects")
    assert dcmread(written.files["sr"]).StudyInstanceUID == stack.planes[0].study.uid


def test_proper_uids_are_not_spoken_of(tmp_path):
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", FrameOfReferenceUID="")
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert [*uid_problems([stack_of(folder)]), *uid_warnings([stack_of(folder)])] == []
