"""DICOM studies of one patient are kept together."""

import json

import pytest

pytest.importorskip("pydicom", minversion="3", reason="needs the extra dicom")
pytest.importorskip("highdicom", reason="needs the extra dicom")

from support.dicom_files import save, slice_of

from bundle.clinic import Selection, StudyNetwork
from bundle.consumers.label.answer import answer
from bundle.consumers.label.dicom_volumes import PATIENT_FILE, convert_studies
from bundle.consumers.label.network import LabelNetwork


def write_study(folder, patient, uid, heights=(0, 3, 6, 9)):
    for index, height in enumerate(heights):
        image = slice_of(index, (-10, -20, height), value=index, size=(20, 24))
        image.PatientID, image.StudyInstanceUID, image.SeriesInstanceUID = patient, uid, f"{uid}.1"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{uid}.1.{index}"
        save(image, folder / uid)


def read_ct(bundle):
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    metadata["network_data_format"]["inputs"]["image"]["channel_def"] = {"0": "CT"}
    (bundle / "configs/metadata.json").write_text(json.dumps(metadata))


@pytest.mark.parametrize("is_converted", [True, False])
def test_every_answer_tells_what_is_unusual_about_a_series(bundle, tmp_path, is_converted):
    read_ct(bundle)
    write_study(folder := tmp_path / "studies", "Doe", "1.2.1", heights=(0, 3, 6, 10))
    network = LabelNetwork(bundle, "cpu")
    image = folder / "1.2.1"
    if is_converted:
        [files] = convert_studies(folder, network.on(), Selection(), tmp_path / "key")
        image = files.files[0]
    for _ in range(2):
        told = answer(network.infer(image).found, network.on())["warnings"]
        assert told[0].startswith("series 7: slices are 3 to 4 mm apart")


def test_studies_carry_a_hash_of_their_patient(bundle, tmp_path):
    read_ct(bundle)
    for patient, uid in (("Doe", "1.2.1"), ("Doe", "1.2.2"), ("Roe", "1.2.3")):
        write_study(tmp_path / "studies", patient, uid)
    network, key = StudyNetwork(bundle, "cpu"), tmp_path / "studies/.label/key"
    images = list(convert_studies(tmp_path / "studies", network, Selection(), key))
    patients = [image.files[0].with_name(PATIENT_FILE).read_text() for image in images]
    assert len(images) == 3
    assert len(set(patients)) == 2
    assert not any("oe" in patient for patient in patients)
