from itertools import permutations, product

import numpy as np
import pytest
import torch
from conftest import SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Invertd
from nibabel.orientations import aff2axcodes

from bundle.transforms import LoadCased, LoadCaseFilesd, default_preprocessing
from bundle.volumes import source_slice_indices

VOXELS = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def test_channels_come_in_order_with_affine_and_name(write_volume):
    affine = np.array([[-2.0, 0.1, 0, 5], [0, -2.0, 0, 6], [0.1, 0, 3, 7], [0, 0, 0, 1]])
    files = [write_volume(f"{index}.nii.gz", VOXELS + index, affine) for index in range(3)]
    image = LoadCaseFilesd()({"image": files, "label": None})["image"]
    assert image.dtype == torch.float32
    assert image.meta["filename_or_obj"] == files[0]
    np.testing.assert_allclose(image.affine, affine, atol=1e-6)
    np.testing.assert_array_equal(image.as_tensor().numpy(), np.stack([VOXELS, VOXELS + 1, VOXELS + 2]))


def test_the_last_axis_of_a_4d_file_becomes_channels(write_volume):
    file = write_volume("4d.nii.gz", np.stack([VOXELS, -VOXELS], axis=-1))
    image = LoadCaseFilesd()({"image": file})["image"]
    np.testing.assert_array_equal(image.as_tensor().numpy(), np.stack([VOXELS, -VOXELS]))


@pytest.mark.parametrize(("highest", "dtype"), [(4, torch.uint8), (1000, torch.int32)])
def test_masks_are_whole_numbers_in_a_compact_type(write_volume, highest, dtype):
    case = {"image": write_volume("i.nii", VOXELS), "label": write_volume("l.nii", (VOXELS > 9) * np.float32(highest))}
    case["organ"] = case["label"]
    loaded = LoadCaseFilesd()(case)
    for key in ("label", "organ"):
        assert loaded[key].dtype == dtype
        np.testing.assert_array_equal(loaded[key][0].numpy(), (VOXELS > 9) * highest)


def test_a_csv_becomes_slice_labels_and_tensors_pass(tmp_path):
    (tmp_path / "labels.csv").write_text("slice_index,class\n1,1\n")
    image = torch.rand(1, 4, 3, 2)
    loaded = LoadCaseFilesd()({"image": image, "label": str(tmp_path / "labels.csv"), "case": "a"})
    assert loaded["image"] is image
    assert sorted(loaded) == ["case", "image", "slice_labels"]
    assert loaded["slice_labels"].flatten().tolist() == [-1, 1]


@pytest.mark.parametrize("kind", [MetaTensor, np.ndarray])
def test_a_volume_without_channel_gets_one(kind):
    """MONAI Deploy gives a series as (X, Y, Z)."""
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    given = MetaTensor(VOXELS, affine=affine) if kind is MetaTensor else VOXELS
    image = LoadCaseFilesd()({"image": given})["image"]
    np.testing.assert_array_equal(np.asarray(image), VOXELS[None])
    if kind is MetaTensor:
        np.testing.assert_array_equal(image.affine, affine)


BAD = {
    "another shape": (VOXELS[:3], "l.nii", r"must have the shape \(4, 3, 2\) of .*i.nii, got shape \(3, 3, 2\)"),
    "fractions": (VOXELS / 2, "l.nii", r"must hold whole numbers, got .*, e.g. 0.5:"),
    "below zero": (VOXELS - 1, "l.nii", r"must hold values of 0 and above, got the values \[-1.0\]"),
    "NaN": (np.where(VOXELS == 3, np.nan, VOXELS), "l.nii", r"must hold whole numbers, got .*, e.g. nan:"),
    "infinite": (np.where(VOXELS == 3, np.inf, VOXELS), "l.nii", r"must hold whole numbers, got .*, e.g. inf:"),
    "two channels": (
        np.stack([VOXELS, VOXELS], axis=-1),
        "l.nii",
        "must be a mask with one value per voxel, got 2 layers",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_masks_are_refused_by_name(write_volume, bad):
    voxels, name, message = BAD[bad]
    case = {"image": write_volume("i.nii", VOXELS), "label": write_volume(name, voxels)}
    with pytest.raises(ValueError, match=f"{name} {message}"):
        LoadCaseFilesd()(case)


@pytest.mark.parametrize("key", ["image", "label"])
@pytest.mark.parametrize(("shift", "accepted"), [(0.002, True), (0.2, False)])
def test_affines_may_differ_by_rounding_only(write_volume, key, shift, accepted):
    moved = np.diag([-1.0, -1.0, 1.0, 1.0])
    moved[0, 3] = shift
    first, second = write_volume("a.nii", VOXELS), write_volume("b.nii", VOXELS, moved)
    case = {"image": [first, second]} if key == "image" else {"image": first, "label": second}
    if accepted:
        LoadCaseFilesd()(case)
        return
    with pytest.raises(ValueError, match=r"b.nii must have the affine .*a.nii .*, got .*0\.2 mm"):
        LoadCaseFilesd()(case)


def test_bad_images_are_refused_by_name(write_volume, tmp_path):
    with pytest.raises(ValueError, match=r"n.nii must hold finite numbers, got 2 voxels"):
        LoadCaseFilesd()({"image": write_volume("n.nii", np.where(VOXELS < 2, np.nan, VOXELS))})
    with pytest.raises(ValueError, match=r"b.nii must have the shape \(4, 3, 2\) of .*a.nii, got shape \(2, 3, 2\)"):
        LoadCaseFilesd()({"image": [write_volume("a.nii", VOXELS), write_volume("b.nii", VOXELS[:2])]})
    with pytest.raises(ValueError, match=r"flat.nii must be a 3D volume"):
        LoadCaseFilesd()({"image": write_volume("flat.nii", VOXELS[..., 0])})
    with pytest.raises(ValueError, match=r"gone.nii must be the file of a channel, got no such file"):
        LoadCaseFilesd()({"image": str(tmp_path / "gone.nii")})
    (tmp_path / "torn.nii.gz").write_bytes(b"no volume" * 20)
    with pytest.raises(ValueError, match=r"torn.nii.gz must be compressed, as its name says, got another content"):
        LoadCaseFilesd()({"image": str(tmp_path / "torn.nii.gz")})
    with pytest.raises(ValueError, match=r"image must be a path, .*, got an empty list"):
        LoadCaseFilesd()({"image": []})


def test_wrong_use_is_refused(write_volume):
    file = write_volume("a.nii", VOXELS)
    with pytest.raises(ValueError, match=r"keys must be among .*, got \['pred'\]"):
        LoadCaseFilesd(keys=("image", "pred"))
    with pytest.raises(ValueError, match=r"a.nii: its label must be one mask file, got 2 files: merge"):
        LoadCaseFilesd()({"image": file, "label": [file, file]})
    with pytest.raises(ValueError, match="load both at once"):
        LoadCaseFilesd(keys="label")({"image": file, "label": file})
    with pytest.raises(KeyError):
        LoadCaseFilesd(allow_missing_keys=False)({"image": file})


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("4d_oblique_example4d.nii.gz", (2, 128, 96, 24)),
        ("4d_singleton_float_bigendian_zstat.nii.gz", (1, 64, 64, 21)),
        ("float32_bigendian_reoriented.nii", (1, 21, 26, 22)),
    ],
)
def test_odd_files_load(name, shape):
    image = LoadCaseFilesd()({"image": SHARED / "data" / "formats" / "odd_nifti" / name})["image"]
    assert image.shape == shape
    assert image.meta["filename_or_obj"].endswith(name)


def test_records_of_version_0_1_name_it_in_their_way():
    assert LoadCased is LoadCaseFilesd


AXES = list(permutations(range(3)))
SIGNS = list(product((1, -1), repeat=3))


def _affine(axes, signs, *, spacing, tilt):
    """Any of the 48 axis orders, with spacing in mm and a tilt about two axes in radians."""
    direction = np.eye(3)[:, list(axes)] * np.array(signs)
    c, s = np.cos(tilt), np.sin(tilt)
    about_x, about_z = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]), np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ direction * np.array(spacing)
    affine[:3, 3] = (-11.0, 7.5, 3.25)
    return affine


@settings(max_examples=60, deadline=None)
@given(
    axes=st.sampled_from(AXES),
    signs=st.sampled_from(SIGNS),
    tilt=st.floats(-0.35, 0.35),
    spacing=st.sampled_from([(1, 1, 1), (0.7, 0.7, 5.0), (3.0, 0.5, 1.0)]),
    data=st.data(),
)
def test_the_raster_is_posterior_left_superior_and_comes_back_exactly(axes, signs, tilt, spacing, data):
    affine = _affine(axes, signs, spacing=spacing, tilt=tilt)
    shape = (5, 4, 3)
    marker = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    voxels = torch.rand(1, *shape)
    voxels[(0, *marker)] = 9.0
    preprocessing = default_preprocessing()
    turned = preprocessing({"image": MetaTensor(voxels, affine=affine)})
    image = turned["image"]
    assert aff2axcodes(image.affine.numpy()) == ("P", "L", "S")
    found = np.append(np.argwhere(image[0].numpy() == 9.0)[0], 1)
    np.testing.assert_allclose(image.affine.numpy() @ found, affine @ np.append(marker, 1), atol=1e-4)
    turned["pred"] = MetaTensor(image.as_tensor() * 2)
    back = Invertd(keys="pred", orig_keys="image", transform=preprocessing, nearest_interp=False)(turned)["pred"]
    assert torch.equal(back.as_tensor(), voxels * 2)
    np.testing.assert_allclose(back.affine, affine, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(signs=st.sampled_from(SIGNS), swap=st.booleans(), tilt=st.floats(-0.2, 0.2))
def test_slice_labels_and_source_indices_follow_the_slices(signs, swap, tilt):
    affine = _affine((1, 0, 2) if swap else (0, 1, 2), signs, spacing=(2, 2, 5), tilt=tilt)
    image = MetaTensor(torch.arange(4.0).expand(1, 6, 5, 4).clone(), affine=affine)
    image.meta["original_affine"] = affine
    labels = MetaTensor(torch.arange(4, dtype=torch.int16).reshape(1, 1, 1, 4), affine=affine)
    turned = default_preprocessing()({"image": image, "slice_labels": labels})
    slices = turned["image"][0, 0, 0].tolist()
    assert turned["slice_labels"].shape == (1, 1, 1, 4)
    assert turned["slice_labels"].flatten().tolist() == slices == source_slice_indices(turned["image"])
