import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Orientationd

from bundle.transforms import FileOrderd

OBLIQUE = np.array([[1.9, 0.2, 0.1, 4], [-0.2, 0.8, 0.3, 5], [0.1, -0.3, 3.0, 6], [0, 0, 0, 1]])


def test_rows_are_the_second_axis_of_the_file_and_positions_stay():
    image = MetaTensor(torch.rand(2, 4, 5, 3), affine=OBLIQUE)
    turned = FileOrderd(keys=("image", "label"), allow_missing_keys=True)({"image": image})["image"]
    assert torch.equal(turned.as_tensor(), image.as_tensor().permute(0, 2, 1, 3))
    np.testing.assert_allclose(turned.affine @ torch.tensor([3.0, 1, 2, 1]).double(), OBLIQUE @ [1, 3, 2, 1])
    np.testing.assert_allclose(image.affine, OBLIQUE)


def test_invertd_brings_maps_back():
    preprocessing = Compose([FileOrderd(keys="image")])
    image = MetaTensor(torch.rand(1, 4, 5, 3), affine=OBLIQUE)
    case = preprocessing({"image": image})
    case["pred"] = MetaTensor(case["image"].as_tensor() + 1)
    back = Invertd(keys="pred", orig_keys="image", transform=preprocessing, nearest_interp=False)(case)["pred"]
    assert torch.equal(back.as_tensor(), image.as_tensor() + 1)
    np.testing.assert_allclose(back.affine, OBLIQUE)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (2, 2, 5)])
def test_files_that_point_left_posterior_superior_give_the_same_raster_either_way(spacing):
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    image = MetaTensor(torch.rand(1, 4, 5, 3), affine=affine)
    by_file = FileOrderd(keys="image")({"image": image})["image"]
    by_axes = Orientationd(keys="image", axcodes="PLS")({"image": image})["image"]
    assert torch.equal(by_file.as_tensor(), by_axes.as_tensor())
    np.testing.assert_allclose(by_file.affine, by_axes.affine)


def test_plain_tensors_are_swapped_too():
    assert FileOrderd(keys="image")({"image": torch.zeros(1, 4, 5, 3)})["image"].shape == (1, 5, 4, 3)
