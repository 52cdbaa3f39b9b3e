from pathlib import Path

import pytest

from bundle.consumers.label.image_files import channel_name, folder_image, image_of, images_in

CHANNELS = ["t1", "t2", "flair"]


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def listed(folder, channels=CHANNELS):
    return {image.name: [file.name for file in image.files] for image in images_in(folder, channels)}


def test_files_of_one_case_are_one_image_in_the_order_of_the_channels(tmp_path):
    touched(tmp_path, "a_flair.nii.gz", "a_T1.nii.gz", "a-t2.nii.gz", "whole.nii.gz", "notes.txt", ".hidden_t1.nii")
    assert listed(tmp_path) == {
        "a": ["a_T1.nii.gz", "a-t2.nii.gz", "a_flair.nii.gz"],
        "whole": ["whole.nii.gz"],
    }


def test_a_folder_a_case_is_called_as_the_folder_and_leaves_out_the_mask(tmp_path):
    touched(tmp_path, *(f"one/x_{name}.nii" for name in (*CHANNELS, "seg")), *(f"two/{name}.nii" for name in CHANNELS))
    assert listed(tmp_path) == {
        "one": ["x_t1.nii", "x_t2.nii", "x_flair.nii"],
        "two": ["t1.nii", "t2.nii", "flair.nii"],
    }


def test_a_channel_is_told_by_its_whole_name(tmp_path):
    touched(tmp_path, "a_t1ce.nii.gz", "bt1.nii.gz")
    assert listed(tmp_path, ["t1", "t2"]) == {"a_t1ce": ["a_t1ce.nii.gz"], "bt1": ["bt1.nii.gz"]}


def test_a_missing_channel_is_known(tmp_path):
    touched(tmp_path, "a_t1.nii", "a_flair.nii")
    [image] = images_in(tmp_path, CHANNELS)
    assert (image.name, image.missing, image.shown.name) == ("a", ("t2",), "a_flair.nii")


def test_labels_are_no_images_and_a_folder_of_several_volumes_is_none(tmp_path):
    touched(tmp_path, "labels/final/a.nii.gz", "many/a.nii", "many/b.nii", "one/scan.nii")
    assert listed(tmp_path) == {"one": ["scan.nii"]}
    assert folder_image(tmp_path / "many", CHANNELS) is None


def test_of_two_images_with_one_name_the_whole_one_is_taken(tmp_path):
    touched(tmp_path, "a.nii", "a/a_t1.nii", "a/a_t2.nii")
    assert listed(tmp_path) == {"a": ["a.nii"]}


@pytest.mark.parametrize("shown", ["a_t1.nii.gz", "a_flair.nii.gz"])
def test_any_channel_leads_to_all(tmp_path, shown):
    touched(tmp_path, *(f"a_{name}.nii.gz" for name in CHANNELS), "b_t1.nii.gz")
    image = image_of(tmp_path / shown, CHANNELS)
    assert [file.name for file in image.files] == [f"a_{name}.nii.gz" for name in CHANNELS]


def test_a_network_of_one_channel_reads_the_file_alone():
    assert image_of(Path("a_flair.nii"), ["flair"]).files == (Path("a_flair.nii"),)


def test_channels_are_spelled_as_files_are():
    assert [channel_name(name) for name in ("T2 FLAIR", "channel 0", " ADC ")] == ["t2_flair", "channel_0", "adc"]
