"""Objects are filed with their study, named alike by every run, and tell nobody's name to logs."""

import gc
import logging
import warnings
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from support.readings import PATIENT, UIDS, reading_of, stack_of, write_series

pytest.importorskip("highdicom")
from pydicom import dcmread
from pydicom.config import settings

from bundle.dicom.objects import write_objects

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)
PICTURE = np.full((40, 60, 3), 90, np.uint8)


@pytest.fixture
def write(tmp_path):
    """Write a series and the objects of its reading; return these."""

    def objects(name="objects", *, pictures=None, reading=None, **header):
        folder = tmp_path / f"{name}_study"
        write_series(folder, **header)
        written = write_objects(reading or reading_of(stack_of(folder)), tmp_path / name, pictures, NOON)
        return {kind: dcmread(file) for kind, file in written.files.items()}

    return objects


def test_each_kind_is_a_series_of_its_own_in_the_study_of_its_source(write):
    found = write(pictures={3: PICTURE, 4: PICTURE})
    assert list(found) == ["sr", "map", "seg", "capture_1", "capture_2"]
    for dataset in found.values():
        assert {key: dataset.get(key) for key in ("PatientID", "PatientSex", "AccessionNumber", "StudyDate")} == {
            "PatientID": "4711",
            "PatientSex": "F",
            "AccessionNumber": "A1",
            "StudyDate": "20200102",
        }
        assert (dataset.StudyInstanceUID, str(dataset.PatientName)) == (UIDS["StudyInstanceUID"], "Doe^Jane")
        assert (dataset.SoftwareVersions, dataset.DeviceSerialNumber) == ("0.1.0", "ab" * 32)
        assert "LGM-ViT project" in {item.Manufacturer for item in dataset.ContributingEquipmentSequence}
    assert len({dataset.DeviceUID for dataset in found.values()}) == 1
    assert len({dataset.SOPInstanceUID for dataset in found.values()}) == 5
    series = {dataset.SeriesInstanceUID for dataset in found.values()}
    assert (len(series), UIDS["SeriesInstanceUID"] in series) == (4, False)
    assert [int(dataset.SeriesNumber) for dataset in found.values()] == [791, 792, 793, 794, 794]
    assert [int(dataset.InstanceNumber) for dataset in found.values()] == [1, 1, 1, 1, 2]


def test_the_same_run_gives_the_same_bytes_and_another_answer_other_uids(write, tmp_path):
    write("first", pictures={3: PICTURE})
    again = write("again", pictures={3: PICTURE})
    for kind in again:
        first, second = (tmp_path / name / f"{kind}.dcm" for name in ("first", "again"))
        assert first.read_bytes() == second.read_bytes(), kind
    other = write("other", reading=reading_of(stack_of(tmp_path / "first_study"), positive=False))
    assert not {dataset.SOPInstanceUID for dataset in other.values()} & {d.SOPInstanceUID for d in again.values()}
    assert other["sr"].DeviceUID == again["sr"].DeviceUID


def test_the_order_of_a_map_in_memory_changes_nothing(write, tmp_path):
    write_series(tmp_path / "study")
    reading = reading_of(stack_of(tmp_path / "study"))
    by_slices = np.moveaxis(np.ascontiguousarray(np.moveaxis(reading.attribution, -1, 0)), 0, -1)
    assert by_slices.strides != reading.attribution.strides
    for name, one in (("first", reading), ("again", replace(reading, attribution=by_slices))):
        write(name, reading=one)
    for kind in ("sr", "map", "seg"):
        first, second = (tmp_path / name / f"{kind}.dcm" for name in ("first", "again"))
        assert first.read_bytes() == second.read_bytes(), kind


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 144", "Люксембург^Анна"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 100", "Müller^Jörg"),
    ],
)
@pytest.mark.parametrize("lesion", ["lesion", "Läsion 腫瘍"])
def test_names_in_other_scripts_survive(write, tmp_path, charset, name, lesion):
    write_series(tmp_path / "study", SpecificCharacterSet=charset, PatientName=name)
    reading = reading_of(stack_of(tmp_path / "study"), classes=(lesion,))
    found = write(reading=reading, pictures={0: PICTURE})
    assert {str(dataset.PatientName) for dataset in found.values()} == {name}
    kept = charset if lesion.isascii() else "ISO_IR 192"
    assert {str(dataset.SpecificCharacterSet) for dataset in found.values()} == {str(dcm_values(kept))}
    assert lesion in str(found["sr"])


def dcm_values(charset):
    return charset if isinstance(charset, str) else ["", *charset[1:]]


def test_a_source_with_gaps_and_odd_values_is_no_obstacle(tmp_path, caplog):
    folder = tmp_path / "study"
    write_series(folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        image = dcmread(path)
        for key in (*PATIENT, "FrameOfReferenceUID"):
            del image[key]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.PatientName, image.PatientSex, image.StudyDate = "MONONYM", "unknown", "yesterday"
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, number * 1e-7]
        image.save_as(path)
    with warnings.catch_warnings(record=True) as spoken, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        written = write_objects(reading_of(stack_of(folder)), tmp_path / "objects", {0: PICTURE}, NOON)
    said = " ".join([str(warning.message) for warning in spoken] + caplog.messages)
    assert "MONONYM" not in said
    found = [dcmread(file) for file in written.files.values()]
    assert {str(dataset.PatientName) for dataset in found} == {"MONONYM"}
    assert len({dataset.FrameOfReferenceUID for dataset in found if "FrameOfReferenceUID" in dataset}) == 1


@pytest.mark.parametrize("offset", ["+0530", "+05:30", "nonsense", None])
def test_times_are_those_of_the_time_zone_of_the_source(write, offset):
    report = write(**({"TimezoneOffsetFromUTC": offset} if offset else {}))["sr"]
    expected = ("+0530", "173000") if offset in ("+0530", "+05:30") else (None, "120000")
    assert (report.get("TimezoneOffsetFromUTC"), report.ContentTime[:6]) == expected
    made = {item.get("ContributionDateTime") for item in report.ContributingEquipmentSequence}
    assert "20260102120000.000000+0000" in made


def test_words_are_burned_into_a_capture_and_no_name(write):
    capture = write(pictures={3: PICTURE})["capture_1"]
    pixels = capture.pixel_array
    assert (capture.BurnedInAnnotation, list(capture.ImageType)) == ("YES", ["DERIVED", "SECONDARY"])
    assert (pixels.shape[2], pixels.shape[0] > 40, pixels.shape[1] > 60) == (3, True, True)
    np.testing.assert_array_equal(pixels[:40, :60], PICTURE)
    assert pixels[40:].max() > 128
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.4.4"


def test_what_is_left_out_is_said(tmp_path):
    write_series(tmp_path / "study")
    reading = reading_of(stack_of(tmp_path / "study"), positive=False, has_map=False)
    written = write_objects(reading, tmp_path / "objects")
    assert [path.name for path in (tmp_path / "objects").iterdir()] == ["sr.dcm"]
    assert written.left_out == {
        "map": "the map was not asked for",
        "seg": "nothing was found",
        "capture": "there is no picture",
    }
    without = write_objects(replace(reading, has_rule=False), tmp_path / "without")
    assert without.left_out["seg"] == "no finding was looked for, as the model has no rule for findings"
    assert dcmread(without.files["sr"]).SOPInstanceUID != dcmread(written.files["sr"]).SOPInstanceUID


@pytest.mark.parametrize(
    ("pictures", "words"),
    [({9: PICTURE}, "of slices 0 to 5, got 9"), ({0: PICTURE[..., 0]}, r"must be \(rows, columns, 3\) of uint8")],
)
def test_a_failure_leaves_no_folder(tmp_path, pictures, words):
    write_series(tmp_path / "study")
    with pytest.raises(ValueError, match=words):
        write_objects(reading_of(stack_of(tmp_path / "study")), tmp_path / "objects", pictures)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


@pytest.mark.parametrize("pictures", [{}, {9: PICTURE}], ids=["written", "failed"])
@pytest.mark.parametrize("collects", [True, False])
def test_the_settings_of_the_process_are_afterwards_what_they_were(tmp_path, pictures, collects):
    write_series(tmp_path / "study")
    before = settings.buffered_read_size, settings.writing_validation_mode, settings.reading_validation_mode
    usual = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with suppress(ValueError):
            write_objects(reading_of(stack_of(tmp_path / "study")), tmp_path / "objects", pictures)
        assert gc.isenabled() == collects
    finally:
        (gc.enable if usual else gc.disable)()
    assert (settings.buffered_read_size, settings.writing_validation_mode, settings.reading_validation_mode) == before


def test_the_default_time_is_now(tmp_path):
    write_series(tmp_path / "study")
    file = write_objects(reading_of(stack_of(tmp_path / "study"), has_map=False), tmp_path / "objects").files["sr"]
    [made] = {item.ContributionDateTime for item in dcmread(file).ContributingEquipmentSequence[1:]}
    assert datetime.now(timezone.utc) - datetime.strptime(made, "%Y%m%d%H%M%S.%f%z") < timedelta(minutes=10)
