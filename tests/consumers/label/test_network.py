import nibabel as nib
import numpy as np
import pytest
from support.label_bundle import write_bundle, write_group, write_volume, write_weights

pytest.importorskip("pydicom")
from bundle.clinic import Selection, StudyNetwork
from bundle.consumers.label.answer import answer, label_map
from bundle.consumers.label.dicom_volumes import convert_studies
from bundle.consumers.label.network import LabelNetwork
from bundle.keys import PRED


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("label") / "lgm_vit")


@pytest.fixture(scope="module")
def network(bundle):
    return LabelNetwork(bundle, "cpu")


def test_group_folder_and_list_give_the_map_of_the_project_itself(network, bundle, tmp_path):
    group = write_group(tmp_path / "case_a")
    files = [group / "case_a_t1.nii.gz", group / "case_a_flair.nii.gz"]
    own = StudyNetwork(bundle, "cpu").infer(files, "case_a")
    for image in (files[0], group, files):
        found = network.infer(image).found
        assert np.array_equal(found[PRED], own[PRED])
        assert np.array_equal(label_map(found), np.rint(own["finding_labels"][0]))
    assert label_map(found).any()


def test_the_answer_says_which_slice_which_model_and_what_is_unlike_the_training(network, bundle, tmp_path):
    group = write_group(tmp_path)
    said = answer(network.infer(group / "case_a_t1.nii.gz").found, network.on())
    assert [row["source_slice"] for row in said["slices"]] == [0, 1, 2, 3]
    top = max(said["slices"], key=lambda row: row["probability"])
    assert (said["top_slice"], said["top_probability"]) == (top["source_slice"], top["probability"])
    assert said["threshold"] == 0.0
    assert {"key_source_slice", "score"} <= said["findings"][0].keys()
    assert said["model"]["weights_sha256"] == StudyNetwork(bundle).model.weights_sha256
    assert "no profile" in said["warnings"][0]


def test_replaced_weights_answer_from_then_on(tmp_path):
    bundle = write_bundle(tmp_path / "b")
    network, image = LabelNetwork(bundle, "cpu"), write_group(tmp_path)
    before = network.infer(image / "case_a_t1.nii.gz")
    assert network.on() is before.network
    write_weights(bundle, 1)
    after = network.infer(image / "case_a_t1.nii.gz")
    assert after.network.model != before.network.model
    assert not np.array_equal(after.found[PRED], before.found[PRED])


def test_channels_that_are_missing_are_named(network, tmp_path):
    write_volume(tmp_path / "a_t1.nii.gz")
    with pytest.raises(ValueError, match=r"a must have the channels t1, flair, got a_t1.nii.gz alone: add a_flair\."):
        network.infer(tmp_path / "a_t1.nii.gz")


def test_a_wrong_number_of_channels_names_those_that_are_wanted(network, tmp_path):
    write_volume(tmp_path / "whole.nii.gz")
    with pytest.raises(ValueError, match=r"whole.nii.gz must have the channels T1, FLAIR, got 1"):
        network.infer(tmp_path / "whole.nii.gz")


def test_a_damaged_file_is_told_from_where_it_lies(network, tmp_path):
    (tmp_path / "a_t1.nii.gz").write_bytes(b"no image")
    write_volume(tmp_path / "a_flair.nii.gz")
    with pytest.raises(ValueError, match=r"a_t1\.nii\.gz must be a whole file"):
        network.infer(tmp_path / "a_t1.nii.gz")


def test_a_dicom_study_has_the_grid_and_the_values_of_its_volume(tmp_path):
    from support.dicom_files import save, slice_of

    network = LabelNetwork(write_bundle(tmp_path / "b", ("CT",)), "cpu")
    for index in range(4):
        save(slice_of(index, (-10, -20, 3 * index), value=index, size=(16, 20)), tmp_path / "studies" / "Doe_Jane")
    found = network.infer(tmp_path / "studies" / "Doe_Jane").found
    key = tmp_path / "studies" / ".label" / "key"
    for _ in range(2):  # the second time it is there already
        [image] = convert_studies(tmp_path / "studies", network.on(), Selection(), key)
    assert image.name.startswith("case_")
    assert image.files[0].name == f"{image.name}_ct.nii"
    assert nib.load(image.files[0]).shape == label_map(found).shape
    assert np.array_equal(network.infer(image.files[0]).found[PRED], found[PRED])


def test_a_study_that_cannot_be_read_is_left_out_without_its_name(tmp_path, caplog):
    from support.dicom_files import save, slice_of

    network = LabelNetwork(write_bundle(tmp_path / "b", ("MR",)), "cpu")
    for index in range(4):
        save(slice_of(index, (-10, -20, 3 * index), value=index, size=(16, 20)), tmp_path / "studies" / "Doe_Jane")
    assert list(convert_studies(tmp_path / "studies", network.on(), Selection(), tmp_path / "key")) == []
    assert "is left out: the study must hold one MR series" in caplog.text
    assert "Doe" not in caplog.text
    assert list(convert_studies(tmp_path / "b", network.on(), Selection(), tmp_path / "key")) == []
