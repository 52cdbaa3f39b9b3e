"""Cases of an inference, and the names of their results."""

import pytest

from bundle.data import inference_items, with_identities


def test_a_folder_of_volumes_without_the_twins_of_macos(tmp_path):
    for name in ("a.nii.gz", "._a.nii.gz", "B.NII.GZ", "notes.txt"):
        (tmp_path / name).touch()
    assert [item["image"].split("/")[-1] for item in inference_items(tmp_path)] == ["B.NII.GZ", "a.nii.gz"]


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["x/case7/case7_t1.nii.gz", "x/case7/case7_t2.nii.gz"], "case7"),
        (["x/case7/t1.nii.gz", "x/case7/t2.nii.gz", "x/case7/flair.nii.gz"], "case7"),
        (["imagesTr/c_001_0000.nii.gz", "imagesTr/c_001_0001.nii.gz"], "c_001"),
        (["BraTS-GLI-00001-000-t1n.nii.gz", "BraTS-GLI-00001-000-t2w.nii.gz"], "BraTS-GLI-00001-000"),
        (["a/W39_1998.09.19_t1.nii", "a/W39_1998.09.19_t2.nii"], "W39_1998.09.19"),
        (["a/scan.nii", "a/scan_post.nii"], "scan"),
        (["case.7/channel1.nrrd", "case.7/channel2.nrrd"], "case.7"),  # a digit of a word is no name
        (["case7/t1/1.nii", "case7/t2/2.nii"], "case7"),
        (["study/series1", "study/series2"], "study"),  # DICOM folders
    ],
)
def test_a_case_of_several_files_has_the_name_that_they_share(files, name):
    assert [item["case"] for item in inference_items([files])] == [name]


def test_cases_of_one_name_are_told_apart_by_folders():
    source = [[f"{folder}/x_t1.nii", f"{folder}/x_t2.nii"] for folder in ("a", "b")]
    assert [item["case"] for item in with_identities(inference_items([*source, "c.nii"]))] == ["a_x", "b_x", "c"]


def test_names_that_are_given_stay():
    entry = {"image": ["a_t1.nii", "a_t2.nii"], "case": "mine"}
    assert inference_items([entry]) == [entry]


def test_names_can_be_set():
    assert inference_items("a.nii", names="7")[0]["case"] == "7"
    assert [item["case"] for item in inference_items(["a.nii", "b.nii"], names=["x", "y"])] == ["x", "y"]
    with pytest.raises(ValueError, match=r"case_name must hold a name for each of 2 cases, got \['x'\]"):
        inference_items(["a.nii", "b.nii"], names="x")


def test_an_empty_list_is_an_error():
    with pytest.raises(ValueError, match=r"dataset_dir must name a scan or more, got \[\] without any"):
        inference_items([])


def test_an_empty_folder_and_an_empty_datalist_are_errors(tmp_path):
    with pytest.raises(ValueError, match="must hold volumes"):
        inference_items(tmp_path)
    (tmp_path / "list.json").write_text('{"testing": []}')
    with pytest.raises(ValueError, match=r"list\.json"):
        inference_items(tmp_path / "list.json")


def test_names_that_share_their_end_are_named_by_it():
    items = inference_items([[f"d/t1_s{n}.nii", f"d/t2_s{n}.nii"] for n in (1, 2)])
    assert [item["case"] for item in items] == ["s1", "s2"]
