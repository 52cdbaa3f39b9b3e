"""A file that makes no case is told once; what a user of the published sets leaves unused is not."""

import warnings
from functools import partial

import pytest

from bundle.data import ChannelFiles, DecathlonCases, PairedVolumes, SliceImages

BRATS = {"pattern": "**/{case}/{case}_{channel}", "case_regex": "BraTS20_Training_[0-9]+"}
channel_files = partial(ChannelFiles, channels=["t1", "t2", "flair"])
brats = partial(channel_files, **BRATS)
lits = partial(PairedVolumes, organs="segmentations/segmentation-*.nii")
nnunet = partial(PairedVolumes, images=["imagesTr/*_0000.nii", "imagesTr/*_0001.nii"], labels="labelsTr/*.nii")


def told(tmp_path, finder, names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        finder(tmp_path).find()
    return [str(one.message) for one in found]


def case(folder, prefix, suffix=".nii", parts=("t1", "t1ce", "t2", "flair", "seg")):
    return [f"{folder}/{prefix}_{part}{suffix}" for part in parts]


LITS = ["scans/volume-1.nii", "segmentations/segmentation-1.nii"]
KAGGLE = [f"TCGA_CS_1/TCGA_CS_1_{n}{mask}.tif" for n in (1, 2) for mask in ("", "_mask")]


@pytest.mark.parametrize(
    ("finder", "names", "count", "example"),
    [
        (channel_files, case("a", "a") + case("b", "B"), 5, "b/B_flair.nii"),
        (channel_files, case("a", "a") + case("b", "b", ".mha"), 5, "b/b_flair.mha"),
        (channel_files, case("a", "a") + case("site/b", "b"), 5, "site/b/b_flair.nii"),
        (channel_files, [*case("a", "a"), "b/1.dcm", "b/2.dcm"], 2, "b/1.dcm"),
        (brats, case("BraTS20_Training_001", "BraTS20_Training_001") + case("x", "X"), 5, "x/X_flair.nii"),
        (lits, [*LITS, "scans/volume-2.nii.gz"], 1, "scans/volume-2.nii.gz"),
        (lits, [*LITS, "scans/volume-10.nii.gz"], 1, "scans/volume-10.nii.gz"),  # 10 is not 1
        (SliceImages, [*KAGGLE, "TCGA_CS_2/TCGA_CS_2_1.png"], 1, "TCGA_CS_2/TCGA_CS_2_1.png"),
        (DecathlonCases, ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTr/b.nii"], 1, "imagesTr/b.nii"),
    ],
)
def test_files_of_no_case_are_counted_with_an_example(tmp_path, finder, names, count, example):
    [message] = told(tmp_path, finder, names)
    assert message.startswith(f"{tmp_path}: {count} image file{'s' * (count > 1)} of no known case")
    assert f"e.g. {example}: no pattern" in message


TRAINING, VALIDATION = "M/Training/BraTS20_Training_001", "M/Validation/BraTS20_Validation_001"
NNUNET = ["imagesTr/a_0000.nii", "imagesTr/a_0001.nii", "labelsTr/a.nii"]


@pytest.mark.parametrize(
    ("finder", "names"),
    [
        # a channel that is not used, a mask of another name
        (brats, [*case(TRAINING, "BraTS20_Training_001", parts=["t1"]), f"{TRAINING}/W39_1998.09.19_Segm.nii"]),
        (partial(channel_files, pattern="{case}_{channel}"), [f"a_{part}.nii" for part in ("t1", "t1ce", "seg")]),
        (channel_files, [*case("a", "a"), "a/dicom/1.dcm", "cases.csv", "preview.png", "b/._b_t1.nii", ".trash/b.nii"]),
        (channel_files, [*case("a", "a"), "results/a/attribution.nii.gz"]),
        (lits, [*LITS, "test/volume-7.nii", "segmentations/segmentation-9.nii"]),
        (partial(PairedVolumes, labels=None), LITS),
        (SliceImages, [*KAGGLE, "data.csv"]),
        (partial(SliceImages, mask_suffix=None), KAGGLE),
        (DecathlonCases, ["imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/b.nii.gz"]),
        (nnunet, [*NNUNET, "imagesTr/a_0002.nii", "imagesTs/b_0000.nii"]),
    ],
)
def test_what_is_left_unused_on_purpose_gives_no_warning(tmp_path, finder, names):
    assert told(tmp_path, finder, names) == []


def test_cases_that_an_expression_leaves_out_are_counted_with_an_example(tmp_path):
    names = case(TRAINING, "BraTS20_Training_001") + case(VALIDATION, "BraTS20_Validation_001")
    [message] = told(tmp_path, brats, [*names, *case(VALIDATION[:-1] + "2", "BraTS20_Validation_002")])
    assert message.startswith(
        f"{tmp_path}: case_regex 'BraTS20_Training_[0-9]+' leaves out 2 cases, e.g. BraTS20_Valid"
    )
