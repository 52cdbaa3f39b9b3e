"""A folder of DICOM studies is cases of an inference, with the geometry and the refusals of `prepare_study`."""

import json

import nibabel as nib
import numpy as np
import pytest
from support.dicom_files import enhanced, save, slice_of

from bundle.data import CaseStream, check_case, inference_items
from bundle.dicom import NothingReadable, prepare_study, study_items
from bundle.files import read_csv
from bundle.transforms import LoadCaseFilesd
from bundle.volumes import FileProblem


def write_study(folder, numbers=range(4), **more):
    for number in numbers:
        save(slice_of(number, (-10, -20, 3 * number), **more), folder)
    return folder


def test_volumes_are_those_of_prepare_study(tmp_path):
    study = write_study(tmp_path / "study")
    frames = [{"position": (0, 0, 3 * place), "value": place, "slope": 0.5} for place in (1, 0, 2)]
    save(enhanced(frames, uid="1.2.4.99", SeriesInstanceUID="1.2.5", SeriesNumber=8), study)
    [case] = prepare_study(study, tmp_path / "prepared", tmp_path / "key")
    items = {item["case"]: item for item in inference_items(study)}
    assert items.keys() == {"study_1_series7_ct", "study_1_series8_mr"}
    for volume in case.account["volumes"]:
        item, file = items[f"study_1_{volume['name']}"], case.folder / volume["file"]
        image = LoadCaseFilesd()(item)["image"]
        np.testing.assert_array_equal(image[0], nib.load(file).get_fdata(dtype=np.float32))
        np.testing.assert_allclose(image.affine, nib.load(file).affine, atol=1e-5)
        table = read_csv(file.with_name("slices.csv"))
        assert [row["sop_instance_uid"] for row in json.loads(item["instances"])] == list(table.sop_instance_uid)


def test_a_refused_series_is_named_and_the_others_are_read(tmp_path, caplog):
    caplog.set_level("INFO")
    study = write_study(tmp_path / "Doe_Jane")
    write_study(study / "gap", (10, 11, 12, 16, 17), SeriesInstanceUID="1.2.5", SeriesNumber=8)
    save(slice_of(30, (0, 0, 0), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesInstanceUID="1.2.6"), study)
    save(slice_of(31, (0, 0, 0), SeriesInstanceUID="1.2.7", PhotometricInterpretation="MONOCHROME1"), study)
    stream = CaseStream(inference_items(study), LoadCaseFilesd(), 1, check=check_case)
    assert [case["case"] for case in stream] == ["study_1_series7_ct"]
    with pytest.raises(RuntimeError, match="study_1_series8_ct: series 8 must hold every slice between its ends"):
        stream.finish()
    levels = {record.message: record.levelname for record in caplog.records if "series 7" in record.message}
    assert levels["set aside: series 7: scout"] == "INFO"
    assert sorted(levels.values()) == ["INFO", "WARNING"]
    assert "Doe" not in caplog.text
    assert "4711" not in caplog.text


def test_voxels_do_not_stay_with_the_list_of_cases(tmp_path):
    items = inference_items(write_study(tmp_path))
    stream = CaseStream(items, LoadCaseFilesd(), 1, check=check_case)
    assert len(list(stream)) == 1
    assert items[0]["image"]._voxels is None


def test_studies_are_named_by_number_or_by_key(tmp_path):
    write_study(tmp_path / "s" / "a")
    write_study(tmp_path / "s" / "b", (10, 11), StudyInstanceUID="1.2.99", SeriesInstanceUID="1.2.5")
    write_study(tmp_path / "s" / "c", (20, 21), StudyInstanceUID="1.2.98", SeriesInstanceUID="1.2.6", PatientID="2")
    counted = inference_items(tmp_path / "s")
    assert [(item["case"], item["patient"]) for item in counted] == [
        ("study_1_series7_ct", "patient_1"),
        ("study_2_series7_ct", "patient_1"),
        ("study_3_series7_ct", "patient_2"),
    ]
    keyed = inference_items(tmp_path / "s", key_file=tmp_path / "key")
    prepared = [case.folder.name for case in prepare_study(tmp_path / "s", tmp_path / "out", tmp_path / "key")]
    assert [item["case"] for item in keyed] == [f"{name}_series7_ct" for name in prepared]
    assert set(read_csv(tmp_path / "key.names.csv").name) == set(prepared)


def test_damaged_pixels_and_folders_without_a_volume_are_errors(tmp_path):
    study = write_study(tmp_path / "study")
    file = sorted(study.iterdir())[2]
    file.write_bytes(file.read_bytes()[:-8])
    [item] = study_items(study)
    with pytest.raises(FileProblem, match="series 7 must hold whole pixel data"):
        item["image"].read()
    save(slice_of(1, (0, 0, 0), ImageType=["DERIVED", "PRIMARY", "LOCALIZER"]), tmp_path / "scout")
    with pytest.raises(
        NothingReadable, match="must hold a readable DICOM volume, got none:\n  set aside: series 7: sc"
    ):
        inference_items(tmp_path / "scout")
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="must hold volumes"):
        inference_items(tmp_path / "none")
