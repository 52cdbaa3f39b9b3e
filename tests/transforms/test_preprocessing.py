from itertools import permutations, product

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.transforms import Invertd
from nibabel.orientations import aff2axcodes

from bundle.transforms import default_preprocessing
from bundle.volumes import source_slice_indices

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
