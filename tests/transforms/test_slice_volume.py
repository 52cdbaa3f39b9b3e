import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Compose

from bundle.transforms import FileOrderd, LoadCaseFilesd, SliceTransform, SliceVolumed

SIZES = st.tuples(st.integers(1, 3), st.integers(2, 9), st.integers(2, 9), st.integers(1, 70))


@settings(max_examples=25, deadline=None)
@given(shape=SIZES, seed=st.integers(0, 99), size=st.integers(2, 12))
def test_every_slice_equals_the_slice_taken_by_hand(shape, seed, size):
    generator = torch.Generator().manual_seed(seed)
    image = torch.randn(shape, generator=generator)
    label = (torch.rand((1, *shape[1:]), generator=generator) > 0.98).float() * 4
    transform = SliceTransform(size)
    slices = SliceVolumed(transform)({"image": image, "label": label, "case": "a"})
    assert [entry["slice_index"] for entry in slices] == list(range(shape[-1]))
    for k, entry in enumerate(slices):
        assert torch.equal(entry["image"], transform.image(image[..., k][None])[0])
        assert entry["label"].tolist() == [float(label[..., k].sum() > 0)]
        assert torch.equal(entry["mask"], transform.mask((label[..., k][None] > 0).to(torch.uint8))[0])


def test_the_class_is_taken_before_the_resize():
    label = torch.zeros(1, 64, 64, 2)
    label[0, 0, 0, 1] = 1  # lost when 64 x 64 becomes 4 x 4
    slices = SliceVolumed(SliceTransform(4))({"image": torch.rand(1, 64, 64, 2), "label": label})
    assert [entry["label"].item() for entry in slices] == [0, 1]
    assert slices[1]["mask"].sum() == 0


def test_several_classes_take_the_highest_and_its_pixels():
    label = torch.zeros(1, 4, 4, 3)
    label[0, 0, :, 1], label[0, 1, :2, 1], label[0, 3, 3, 2] = 1, 2, 1
    slices = SliceVolumed(num_classes=3)({"image": torch.rand(1, 4, 4, 3), "label": label})
    assert [entry["label"].item() for entry in slices] == [0, 2, 1]
    assert all(entry["label"].dtype == torch.int64 and entry["label"].shape == () for entry in slices)
    assert [entry["mask"].sum().item() for entry in slices] == [0, 2, 1]
    with pytest.raises(ValueError, match=r"label must hold classes from 0 to 1, got 2"):
        SliceVolumed(num_classes=2)({"image": torch.rand(1, 4, 4, 3), "label": label})


def test_a_case_without_label_is_unlabeled_and_unsupervised():
    (entry,) = SliceVolumed(SliceTransform(4))({"image": torch.rand(2, 4, 4, 1), "case": "a", "site": "s"})
    assert entry["label"].tolist() == [-1]
    assert entry["supervised"].item() == 0
    assert entry["mask"].dtype == torch.uint8
    assert entry["mask"].shape == (1, 4, 4)
    assert (entry["case"], entry["patient"], entry["site"]) == ("a", "a", "s")


def test_files_are_loaded_and_turned_to_the_raster(write_volume):
    voxels = np.random.default_rng(0).integers(1, 99, (6, 5, 4)).astype(np.float32)
    image, label = write_volume("scan.nii.gz", voxels), write_volume("seg.nii.gz", (voxels > 90).astype(np.uint8))
    slices = SliceVolumed()({"image": [image, image], "label": label})
    assert slices[0]["case"] == "scan"
    assert slices[0]["supervised"].item() == 1
    for k, entry in enumerate(slices):
        # rows are the file's second axis, columns its first
        assert torch.equal(entry["image"][1], torch.from_numpy(voxels[:, :, k].T.copy()))
        assert entry["label"].item() == float((voxels[:, :, k] > 90).any())


@pytest.mark.parametrize("flip", [1, -1])
def test_slice_labels_follow_a_flipped_slice_axis(write_volume, tmp_path, flip):
    voxels = np.zeros((4, 4, 3), np.float32) + np.arange(3)
    image = write_volume("scan.nii.gz", voxels, np.diag([-1.0, -1.0, flip, 1.0]))
    (tmp_path / "labels.csv").write_text("slice_index,class\n0,1\n1,0\n")
    slices = SliceVolumed()({"image": image, "label": str(tmp_path / "labels.csv")})
    by_file_slice = {int(entry["image"].max()): entry["label"].item() for entry in slices}
    assert by_file_slice == {0: 1, 1: 0, 2: -1}
    assert all(entry["supervised"].item() == 0 for entry in slices)
    assert [int(entry["image"].max()) for entry in slices] == [0, 1, 2][::flip]


def test_slice_labels_of_a_sagittal_scan_are_refused(write_volume, tmp_path):
    sagittal = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    image = write_volume("scan.nii.gz", np.zeros((4, 4, 3), np.float32), sagittal)
    (tmp_path / "labels.csv").write_text("slice_index,class\n0,1\n")
    with pytest.raises(ValueError, match=r"labels.csv must hold 4 labels .* use FileOrderd"):
        SliceVolumed()({"image": image, "label": str(tmp_path / "labels.csv")})
    in_file_order = Compose([LoadCaseFilesd(), FileOrderd(keys=("image", "slice_labels"))])
    slices = SliceVolumed(preprocessing=in_file_order)({"image": image, "label": str(tmp_path / "labels.csv")})
    assert [entry["label"].item() for entry in slices] == [1, -1, -1]


def test_slice_labels_beyond_the_classes_are_refused():
    labels = MetaTensor(torch.tensor([0, 3], dtype=torch.int16).reshape(1, 1, 1, 2))
    case = {"image": torch.rand(1, 4, 4, 2), "slice_labels": labels}
    assert [entry["label"].item() for entry in SliceVolumed(num_classes=4)(case)] == [0, 3]
    with pytest.raises(ValueError, match=r"slice labels must hold classes from 0 to 1, got 3"):
        SliceVolumed()(case)


def test_what_is_no_volume_or_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"image must have the shape \(C,H,W,D\), got \(4, 4, 2\)"):
        SliceVolumed()({"image": torch.rand(4, 4, 2)})
    with pytest.raises(ValueError, match=r"label must have the image's shape \(1, 4, 4, 2\), got \(1, 4, 4, 3\)"):
        SliceVolumed()({"image": torch.rand(1, 4, 4, 2), "label": torch.zeros(1, 4, 4, 3)})
    with pytest.raises(ValueError, match="num_classes must be 1"):
        SliceVolumed(num_classes=0)
