"""A study folder in; findings, a report and objects out."""

import json
import logging
import shutil
import sys

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
pytest.importorskip("highdicom", reason="needs the extra dicom")

import pydicom
import torch
from conftest import ROOT
from monai.bundle import ConfigParser
from pydicom.uid import MRImageStorage
from support.dicom_files import save, slice_of

from bundle.clinic import Selection, StudyNetwork, read_studies
from bundle.data import input_profile
from bundle.data.slices.input_profile import InputFacts
from bundle.dicom import CaseNames, NothingReadable, find_stacks, prepare_study, read_headers
from bundle.dicom.stack_files import write_stack
from bundle.volumes.dicom_series.planes import Study


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
    rule = {"map_threshold": 0.5, "minimum_ml": 0.0, "map_scale": [0.0, 1.0]}
    off = {"slice_smoothing": None, "slice_position": None, "score_calibration": None, "ensemble": None}
    assert record["settings"] == {**off, "test_time_flip": False, "finding_rule": rule}
    assert len(record["model"]["weights_sha256"]) == len(record["code"]["sha256"]) == 64
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
    assert status(second)["error"].startswith("NoMatch: the study must hold one CT series")
    assert sorted(path.name for path in second.folder.iterdir()) == ["report.html", "status.json", "study.json"]


def test_what_fails_within_a_study_is_recorded(study, read, network, monkeypatch):
    def broken(*_):
        raise RuntimeError("the disk is slow")

    monkeypatch.setattr(network, "infer", broken)
    study(number=4)
    [outcome] = read(study(), selection=Selection(numbers=["7"]))
    assert outcome.outcome == "failed"
    assert "RuntimeError: the disk is slow" in status(outcome)["error"]
    left = json.loads((outcome.folder / "study.json").read_text())["set_aside"]
    reasons = {"series 4": "not chosen", "series 7": "the reading failed"}
    assert {entry["name"]: entry["reason"] for entry in left} == reasons


def test_the_reason_is_told_and_not_the_transform_that_met_it(study, read, network, monkeypatch):
    def broken(*_):
        raise RuntimeError("applying transform <LoadCaseFilesd at 0x7f>") from ValueError("the scan must be larger")

    monkeypatch.setattr(network, "infer", broken)
    [outcome] = read(study())
    assert status(outcome)["error"] == "ValueError: the scan must be larger"


def test_a_file_that_vanishes_is_told_without_its_name(study, read, network, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)

    path = "/export/Doe_Jane/1.dcm"

    def gone(*_):
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(network, "infer", gone)
    [outcome] = read(study())
    assert status(outcome)["error"] == "FileNotFoundError: No such file or directory"
    assert all("Doe_Jane" not in path.read_text() for path in outcome.folder.iterdir())
    assert "Doe_Jane" not in outcome.text
    assert "Doe_Jane" not in caplog.text
    assert "FileNotFoundError" in caplog.text


def test_what_was_read_before_stays_when_a_later_reading_fails(study, read):
    folder = study()
    [good] = read(folder)
    [bad] = read(folder, selection=Selection(numbers=["9"]))
    assert (good.folder / "report.html").is_file()
    assert bad.folder.name == f"{good.folder.name}.failed"
    assert status(good)["outcome"] == "read"
    assert status(bad)["outcome"] == "no match"
    read(folder)
    assert not bad.folder.exists()


def test_a_study_of_which_every_image_is_refused_is_told(study, read):
    folder = study()
    for index in range(3):
        image = slice_of(index, (0, 0, index), StudyInstanceUID="1.2.77", PatientID="other")
        del image.PixelSpacing
        save(image, folder / "b")
    assert {outcome.outcome for outcome in read(folder)} == {"read", "no match"}


def test_a_refused_series_beside_the_one_that_was_read_is_warned_of(study, read):
    study(number=8, slices=3)
    folder = study(number=7)
    save(slice_of(5, (-10, -20, 3), value=9, size=(40, 48), SeriesInstanceUID="1.2.3.8", SeriesNumber=8), folder)
    [outcome] = read(folder)
    assert [text for text in status(outcome)["warnings"] if "could not be read: series 8 must hold one slice" in text]


def test_what_is_unusual_about_a_series_and_what_was_refused_whole_are_warned_of_in_every_result(study, read):
    study(number=8, slices=3, PhotometricInterpretation="MONOCHROME1")
    folder = study(number=7, ImagesInAcquisition=50)
    [outcome] = read(folder)
    told = [text for text in status(outcome)["warnings"] if text.startswith(("series 7: ", "A series of this"))]
    assert "series 8 must hold gray images of which high values are bright" in told[0]
    assert told[1].startswith("series 7: images that are left out, by their numbers: ")
    assert told[1] in (outcome.folder / "report.html").read_text()
    assert b"by their numbers" in next((outcome.folder / "dicom").rglob("*sr*.dcm")).read_bytes()


def test_a_study_whose_uid_is_none_has_findings_and_a_report_but_no_objects(study, read):
    [outcome] = read(study(StudyInstanceUID="anonymous"))
    assert outcome.outcome == "read"
    names = {path.name for path in outcome.folder.iterdir()}
    assert names >= {"report.html", "slices.csv", "findings.json"}
    assert "dicom" not in names
    [warning] = [text for text in status(outcome)["warnings"] if text.startswith("No DICOM objects were written")]
    assert warning in (outcome.folder / "report.html").read_text()


def test_text_in_the_pixels_is_not_shown_unless_asked_for(study, read, network, tmp_path):
    folder = study(BurnedInAnnotation="YES")
    [outcome] = read(folder)
    assert outcome.outcome == "no match"
    assert "text is burned into the pixels" in outcome.text
    [outcome] = read_studies(folder, tmp_path / "named", network, None, Selection(may_show_names=True))
    assert outcome.outcome == "read"


def test_the_report_names_the_series_that_it_answers(study, read):
    [outcome] = read(study())
    assert "answered here" in (outcome.folder / "report.html").read_text()


def test_names_of_studies_are_never_empty_nor_shared():
    names = CaseNames(None)
    assert names.of_study(Study("", "")) == "study"
    assert [names.of_study(Study(patient, "1.2")) for patient in ("A/B", "A B", "A/B")] == [
        "A_B_1.2",
        "A_B_1.2_2",
        "A_B_1.2",
    ]


def test_outcomes_are_told_as_they_come(study, network, tmp_path):
    told = []
    assert read_studies(study(), tmp_path / "out", network, tmp_path / "key", tell=told.append) == told


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


def test_a_disk_that_fills_up_stops_the_command_and_leaves_nothing(study, read, network, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network, "infer", full)
    with pytest.raises(OSError, match="no space left"):
        read(study())
    assert list((tmp_path / "out").iterdir()) == []


def test_the_table_of_names_stays_with_the_key(study, read, tmp_path):
    [outcome] = read(study())
    names = pd.read_csv(tmp_path / "key.names.csv", dtype=str)
    assert list(names["name"]) == [outcome.folder.name]
    assert list(names["patient_id"]) == ["4711"]


@pytest.fixture
def profiled(bundle_root, tmp_path):
    """Return the network of a bundle that knows its training data: thin slices, and lesions in the middle."""
    root = shutil.copytree(bundle_root, tmp_path / "profiled")
    usual = InputFacts(np.array([0.5, 2.0, 1.0]), np.array([24.0, 80.0, 15.0]), np.array([[0.1, 0.3, 0.5, 0.7, 0.9]]))
    profile = {**input_profile([usual]), "position_parabola": [1.0, 0.0, -4.0]}
    (root / "configs" / "input_profile.json").write_text(json.dumps(profile))
    return StudyNetwork(root, "cpu")


def test_a_study_unlike_the_training_data_is_warned_of(study, profiled, tmp_path):
    [outcome] = read_studies(study(), tmp_path / "out", profiled, tmp_path / "key")
    assert (
        "The voxels are 3 mm apart from feet to head; in the training scans 1 to 1 mm." in status(outcome)["warnings"]
    )
    assert "apart from feet to head" in (outcome.folder / "report.html").read_text()


def test_a_study_that_the_network_puts_far_from_what_it_knows_is_warned_of(study, profiled, tmp_path):
    file, size = profiled.root / "configs" / "input_profile.json", len(profiled._network.norm.weight)
    spread = {"directions": [[0.0] * size], "variances": [1.0], "other_variance": 1e-6}
    near = {"mean": [0.0] * size, **spread, "largest": 1.0}
    file.write_text(json.dumps({**json.loads(file.read_text()), "embedding": near}))
    [outcome] = read_studies(study(), tmp_path / "out", StudyNetwork(profiled.root, "cpu"), tmp_path / "key")
    assert any(line.startswith("To the network the scan looks unlike") for line in status(outcome)["warnings"])


def test_position_alone_is_told_beside_the_answer(study, profiled, tmp_path):
    [stack], _ = find_stacks(read_headers(study()))
    facts = write_stack(stack, tmp_path / "volume")
    reading, _ = profiled.read([stack], [tmp_path / "volume" / "volume.nii"], "case")
    assert facts["shape"] == [48, 40, 5]
    expected = 1 / (1 + np.exp(-(1 - 4 * np.linspace(-1, 1, 5) ** 2)))
    assert np.allclose(reading.position[:, 0], expected)


@pytest.fixture
def two_contrasts(bundle_root, tmp_path):
    """Return the network of a bundle of two channels."""
    root = shutil.copytree(bundle_root, tmp_path / "two")
    for name, change in (("inference", {"in_channels": 2}), ("metadata", {})):
        file = root / "configs" / f"{name}.json"
        content = json.loads(file.read_text()) | change
        if name == "metadata":
            content["network_data_format"]["inputs"]["image"]["channel_def"] = {"0": "T1", "1": "FLAIR"}
        else:
            network = {**content, "network_def": {k: v for k, v in content["network_def"].items() if k != "_requires_"}}
            torch.save(ConfigParser(network).get_parsed_content("network_def").state_dict(), root / "models/model.pt")
        file.write_text(json.dumps(content))
    return StudyNetwork(root, "cpu")


def test_contrasts_are_read_in_the_order_of_the_channels(study, two_contrasts, tmp_path):
    flair = {"EchoTime": 100, "RepetitionTime": 9000, "InversionTime": 2500}
    study(number=3, kind=MRImageStorage, Modality="MR", **flair)
    folder = study(number=9, kind=MRImageStorage, Modality="MR", EchoTime=10, RepetitionTime=500)
    [outcome] = read_studies(folder, tmp_path / "out", two_contrasts, tmp_path / "key")
    assert (outcome.outcome, status(outcome)["error"]) == ("read", None)
    assert list(status(outcome)["inputs_sha256"]) == ["series 9, 0", "series 3, 1"]
    rows = pd.read_csv(outcome.folder / "slices.csv")
    assert list(rows["sop_instance_uid"]) == [f"1.2.4.{900 + index}" for index in range(5)]
    channels = json.loads((outcome.folder / "study.json").read_text())["channels"]
    assert [channel["name"] for channel in channels] == ["t1", "flair"]
    assert "of the slice, of series 3" in (outcome.folder / "report.html").read_text()  # shown_channel is the last


def test_a_contrast_that_covers_a_part_of_the_first_is_warned_of_by_its_name(study, two_contrasts, tmp_path):
    flair = {"EchoTime": 100, "RepetitionTime": 9000, "InversionTime": 2500}
    study(number=3, kind=MRImageStorage, Modality="MR", size=(40, 24), **flair)  # a slab of half the columns
    folder = study(number=9, kind=MRImageStorage, Modality="MR", EchoTime=10, RepetitionTime=500)
    [outcome] = read_studies(folder, tmp_path / "out", two_contrasts, tmp_path / "key")
    [warning] = [words for words in status(outcome)["warnings"] if "of what the first contrast shows" in words]
    assert warning.startswith("flair: ")
    assert warning in (outcome.folder / "report.html").read_text()


def test_a_bundle_of_another_kind_is_one_clear_error(bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "foreign")
    (root / "configs" / "inference.json").write_text(json.dumps({"network_def": {}, "bundle_root": "."}))
    with pytest.raises(
        ValueError, match=r"inference\.json must be of a bundle of scripts/pack_bundle\.py, got no amp, "
    ):
        StudyNetwork(root)


def test_a_bundle_that_does_not_say_its_modality_warns(study, network, tmp_path, monkeypatch):
    monkeypatch.setattr(StudyNetwork, "channels", ["channel 0"])
    [outcome] = read_studies(study(), tmp_path / "out", network, tmp_path / "key")
    assert any("not known of which modality" in text for text in status(outcome)["warnings"])


def test_a_damaged_file_of_another_is_named_by_no_path(study, network, tmp_path):
    folder = study()
    for place in (folder / "series7", folder / "Roe_Richard"):
        place.mkdir(exist_ok=True)
        (place / "broken.dcm").write_bytes(b"x" * 200)
    [outcome] = read_studies(folder, tmp_path / "out", network, selection=Selection(may_show_names=True))
    damaged = [
        entry["name"]
        for entry in json.loads((outcome.folder / "study.json").read_text())["set_aside"]
        if entry["kind"] == "damaged"
    ]
    assert sorted(damaged) == sorted([str(folder / "series7" / "broken.dcm"), "a file"])
    [case] = prepare_study(folder, tmp_path / "prepared")
    assert "Roe" not in case.text


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({"threshold": 0.0, "threshold_from": "validation"}, "Thresholds were chosen on validation patients."),
        ({"threshold": 0.0, "threshold_from": "given"}, "The threshold was set by hand, not chosen on patients."),
        ({"threshold": 0.4, "threshold_from": "validation"}, "It is not known where the thresholds come from."),
        ({}, "It is not known where the thresholds come from."),
    ],
)
def test_the_origin_of_a_threshold_is_told_only_of_the_one_that_was_packed(study, profiled, tmp_path, kept, words):
    profiled.profile |= kept
    [stack], _ = find_stacks(read_headers(study()))
    write_stack(stack, tmp_path / "volume")
    reading, _ = profiled.read([stack], [tmp_path / "volume" / "volume.nii"], "case")
    assert reading.threshold_source == words


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            {"scans": 9, "labeled": 0, "made": "2026-01-02T03:04:05+00:00"},
            "on 2026-01-02 to 9 scans of another hospital, none",
        ),
        (
            {"scans": 9, "labeled": 4, "made": "2026-01-02T03:04:05+00:00"},
            "thresholds were adapted on 2026-01-02 to 9 scans",
        ),
        ({}, "After that the probabilities were adapted to scans of another hospital."),
    ],
)
def test_every_result_tells_that_the_probabilities_were_adapted(study, bundle_root, tmp_path, known, words):
    """Also where the threshold is still that of validation, as without labels."""
    root = shutil.copytree(bundle_root, tmp_path / "adapted")
    for name, change in (("inference", {"score_calibration": {"bias": 1.0}}), ("metadata", {"adaptation": known})):
        file = root / "configs" / f"{name}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    kept = {"threshold": 0.0, "threshold_from": "validation"}
    (root / "configs" / "input_profile.json").write_text(json.dumps(kept))
    network = StudyNetwork(root, "cpu")
    network.input_warnings = lambda _: ()  # of a profile without scans
    [outcome] = read_studies(study(), tmp_path / "out", network, tmp_path / "key")
    thresholds = status(outcome)["thresholds"]
    assert words in thresholds["source"]
    assert thresholds["of"] == {"object": {"slice": 0.0, "scan": 0.0}}
    assert thresholds["source"] in (outcome.folder / "report.html").read_text()
    assert thresholds["source"].encode() in (outcome.folder / "dicom" / "sr.dcm").read_bytes()


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_a_network_of_another_modality_does_not_read_it(study, read, modality):
    [outcome] = read(study(Modality=modality))
    assert outcome.outcome == "no match"
    assert f"one CT series of axial slices, got none; it has series 7 ({modality}" in outcome.text


def test_a_contrast_that_is_missing_is_no_match(study, two_contrasts, tmp_path):
    folder = study(kind=MRImageStorage, Modality="MR", EchoTime=10, RepetitionTime=500)
    [outcome] = read_studies(folder, tmp_path / "out", two_contrasts, tmp_path / "key")
    assert outcome.outcome == "no match"
    assert "contrast flair must be one series, got none" in outcome.text


def test_a_network_of_one_contrast_does_not_read_another(study, bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "flair")
    file = root / "configs" / "metadata.json"
    file.write_text(file.read_text().replace('{"0": "CT"}', '{"0": "FLAIR"}'))
    network, folder = (
        StudyNetwork(root, "cpu"),
        study(Modality="MR", kind=MRImageStorage, EchoTime=9, RepetitionTime=500),
    )
    [outcome] = read_studies(folder, tmp_path / "out", network, tmp_path / "key")
    assert outcome.outcome == "no match"
    assert "--series chooses one without rules" in outcome.text
    [outcome] = read_studies(folder, tmp_path / "out", network, tmp_path / "key", Selection(numbers=["7"]))
    assert outcome.outcome == "read"


def test_contrasts_that_the_rules_do_not_know_are_no_match(study, two_contrasts, tmp_path):
    [outcome] = read_studies(study(), tmp_path / "out", two_contrasts, tmp_path / "key", Selection(rules={"t1": []}))
    assert "the rules must know the contrasts flair, got rules for t1" in outcome.text


def test_an_answer_that_is_not_finite_is_refused_in_plain_words(study, bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "broken")
    weights = torch.load(root / "models" / "model.pt", weights_only=True)
    weights["norm.weight"][:] = 3e38  # finite, but what it is multiplied with is not
    torch.save(weights, root / "models" / "model.pt")
    [outcome] = read_studies(study(), tmp_path / "out", StudyNetwork(root, "cpu"), tmp_path / "key")
    assert outcome.outcome == "failed"
    case = outcome.folder.name
    expected = f"ValueError: {case}: the network must answer with finite probabilities and maps, got NaN or infinity"
    assert status(outcome)["error"].startswith(expected)
    assert "got NaN or infinity in 5 of 5 slices" in (outcome.folder / "report.html").read_text()


def emptied(folder, which):
    """Give some of the files of a folder one value throughout."""
    for path in sorted(folder.rglob("*.dcm"))[which]:
        image = pydicom.dcmread(path)
        image.PixelData = bytes(len(image.PixelData))
        image.save_as(path)
    return folder


def test_a_series_that_shows_nothing_has_no_answer(study, read):
    [outcome] = read(emptied(study(), slice(None)))
    assert outcome.outcome == "failed"
    assert "series 7 must show something, got one value throughout each of its 5 slices" in outcome.text


def test_blank_slices_are_named_and_warned_of(study, read):
    [outcome] = read(emptied(study(), slice(2, 4)))
    assert list(pd.read_csv(outcome.folder / "slices.csv")["blank"]) == [False, False, True, True, False]
    words = "2 of 5 slices of CT are blank between others, with one value throughout: the network sees nothing in them."
    assert words in status(outcome)["warnings"]


@pytest.mark.parametrize("row", [1, -1])
def test_findings_count_slices_as_the_table_beside_them(study, bundle_root, tmp_path, row):
    root = shutil.copytree(bundle_root, tmp_path / "any")
    file = root / "configs" / "inference.json"
    rule = {"map_threshold": 0.5, "map_scale": [0.0, 1e-9]}  # all that the network sees is a finding
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finding_rule": rule}))
    folder = study(ImageOrientationPatient=[row, 0, 0, 0, 1, 0])  # seen from the head slices are turned
    [outcome] = read_studies(emptied(folder, slice(2)), tmp_path / "out", StudyNetwork(root, "cpu"), tmp_path / "key")
    labels = np.asarray(nib.load(outcome.folder / "findings.nii.gz").dataobj)
    blank = pd.read_csv(outcome.folder / "slices.csv")["blank"]
    found = json.loads((outcome.folder / "findings.json").read_text())["findings"]
    assert found
    for finding in found:
        area = (labels == finding["finding"]).sum(axis=(0, 1))
        there = np.flatnonzero(area)
        assert (finding["first_slice"], finding["last_slice"]) == (there[0], there[-1])
        assert area[finding["key_slice"]] == area.max()
        assert finding["key_slice"] == finding["key_source_slice"]
        assert not blank[there].any()


def test_findings_of_an_uneven_series_are_measured_by_its_slices(study, bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "any")
    file = root / "configs" / "inference.json"
    rule = {"map_threshold": 0.5, "map_scale": [0.0, 1e-9]}  # all that the network sees is a finding
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finding_rule": rule}))
    folder = study()
    for index, height in enumerate((0, 2.5, 5, 10, 15)):
        image = pydicom.dcmread(path := folder / "series7" / f"1.2.4.{700 + index}.dcm")
        image.ImagePositionPatient[2] = height
        image.save_as(path)
    [outcome] = read_studies(folder, tmp_path / "out", StudyNetwork(root, "cpu"), tmp_path / "key")
    labels = np.asarray(nib.load(outcome.folder / "findings.nii.gz").dataobj)
    content = json.loads((outcome.folder / "findings.json").read_text())
    assert (content["slice_distances"], len(content["findings"]) > 0) == ("own", True)
    for finding in content["findings"]:
        area = (labels == finding["finding"]).sum(axis=(0, 1)) * 2.0 * 0.5
        assert finding["volume_mm3"] == pytest.approx(area @ [2.5, 2.5, 3.75, 5, 5], rel=1e-5)
    words = "Slices are unevenly apart: size and center of a finding are by the position of each slice"
    assert any(text.startswith(words) for text in status(outcome)["warnings"])
    assert words in (outcome.folder / "report.html").read_text()


def test_a_bundle_without_a_rule_says_that_no_finding_was_looked_for(study, bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "no_rule")
    file = root / "configs" / "inference.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finding_rule": None}))
    [outcome] = read_studies(study(), tmp_path / "out", StudyNetwork(root, "cpu"), tmp_path / "key")
    page = (outcome.folder / "report.html").read_text()
    assert "None were looked for: the model has no rule for findings." in page
    assert "No region of the map is a finding" not in page
    assert b"no finding was looked for" in (outcome.folder / "dicom" / "sr.dcm").read_bytes()


def test_an_answer_that_its_slices_contradict_is_warned_of(study, bundle_root, tmp_path):
    root = shutil.copytree(bundle_root, tmp_path / "strict")
    file = root / "configs" / "inference.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"volume_threshold": 1.0, "map_scale": None}))
    [outcome] = read_studies(study(), tmp_path / "out", StudyNetwork(root, "cpu"), tmp_path / "key")
    assert "absent" in outcome.text
    [told] = [text for text in status(outcome)["warnings"] if text.startswith("The scan is called absent")]
    assert "as no slice reaches 1.00, which a scan needs, but 5 of 5 slices are positive (from 0.00)" in told
    assert any("no color scale for its maps" in text for text in status(outcome)["warnings"])
