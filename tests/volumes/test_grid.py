"""Grids are compared where it shows, and masks in other axes are turned without loss."""

from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
import torch

from bundle.volumes import Grid, VolumeFile, grid_problems, on_grid

SHAPE = (512, 16, 4)
AFFINE = np.array([[-0.7, 0, 0, -5000.0], [0, -0.7, 0, 3], [0, 0, 4, 1], [0, 0, 0, 1]])
IMAGE = Grid("a.nii", SHAPE, AFFINE)


def moved(mm):
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


def stretched(spacing):
    affine = AFFINE.copy()
    affine[0, 0] = -spacing
    return affine


@pytest.mark.parametrize(
    ("affine", "accepted"),
    [
        (moved(0.002), True),
        (moved(0.09), True),
        (moved(0.11), False),
        (stretched(0.70001), True),
        (stretched(0.7009), False),  # 0.46 mm at the far side, though no entry differs by more than 0.001
        (moved(np.nan), False),
    ],
)
def test_affines_are_compared_in_millimeters_at_the_corners(affine, accepted):
    problems = list(grid_problems(Grid("m.nii", SHAPE, affine), IMAGE, "mask"))
    assert bool(problems) is not accepted


def test_the_problem_says_how_far_and_what_to_do():
    [problem] = grid_problems(Grid("m.nii", SHAPE, stretched(0.7009)), IMAGE, "mask")
    assert problem.found.startswith("another one, 0.46 mm (0.657 voxels) away at a corner")
    assert problem.remedy.startswith("copy the header of the image to the mask if their voxels fit one by one")
    assert "resample" not in problem.text


def test_the_tolerance_is_a_choice_but_never_half_a_voxel():
    far, farther = Grid("m.nii", SHAPE, moved(0.3)), Grid("m.nii", SHAPE, moved(0.36))
    assert not list(grid_problems(far, IMAGE, "mask", 0.4))
    assert list(grid_problems(farther, IMAGE, "mask", 0.4))


def test_plain_tensors_are_compared_by_shape():
    plain, other = Grid.of_tensor(torch.zeros(1, 2, 3, 4)), Grid.of_tensor(torch.zeros(1, 2, 3, 5))
    assert not list(grid_problems(plain, plain, "mask"))
    [problem] = grid_problems(other, plain, "mask")
    assert (problem.found, problem.remedy.split(" ")[0]) == ("shape (2, 3, 5)", "resample")


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_a_mask_in_other_axes_is_turned_without_loss(axes, signs):
    tilt = np.eye(4)
    tilt[:3, :3] = [[0.8, -0.6, 0.1], [0.6, 0.8, 0], [0, 0.05, 1]]
    voxels = np.arange(60).reshape(3, 4, 5)
    image = VolumeFile("a.nii", voxels, tilt @ np.diag([2.0, 2, 3, 1]))
    turn = np.array(list(zip(axes, signs, strict=True)))
    data = nib.orientations.apply_orientation(voxels, turn)
    mask = VolumeFile("m.nii", data, image.affine @ nib.orientations.inv_ornt_aff(turn, voxels.shape))
    back, problems = on_grid(mask, Grid.of_file(image), "mask")
    assert problems == []
    np.testing.assert_array_equal(back.data, voxels)
    np.testing.assert_allclose(back.affine, image.affine, atol=1e-12)


def test_another_place_is_not_turned():
    mask = VolumeFile("m.nii", np.zeros(SHAPE, np.uint8), np.diag([1.0, -1, 1, 1]) @ moved(30))
    same, [problem] = on_grid(mask, IMAGE, "mask")
    assert same is mask
    assert "away at a corner" in problem.found


def test_masks_can_be_taken_voxel_by_voxel():
    mask = VolumeFile("m.nii", np.zeros(SHAPE, np.uint8), np.eye(4))
    taken, problems = on_grid(mask, IMAGE, "mask", by_voxel=True)
    assert problems == []
    np.testing.assert_array_equal(taken.affine, AFFINE)
    smaller = VolumeFile("m.nii", np.zeros((511, 16, 4), np.uint8), np.eye(4))
    assert on_grid(smaller, IMAGE, "mask", by_voxel=True)[1]


@pytest.mark.parametrize(("image", "mask"), [(False, True), (True, False), (False, False)])
def test_a_header_without_orientation_is_named(image, mask):
    [problem] = grid_problems(Grid("m.nii", SHAPE, moved(9), mask), IMAGE._replace(oriented=image), "mask")
    whose = "mask" if image else "image"
    assert problem.remedy.startswith(f"the {whose}'s header has no orientation: copy the header")
    assert "resample" not in problem.text


def test_a_mask_lies_on_a_plain_tensor_voxel_by_voxel():
    mask = VolumeFile("m.nii", np.zeros((4, 5, 6)), np.diag([-1.0, -1, 1, 1]))
    placed, problems = on_grid(mask, Grid("(tensor)", (4, 5, 6), None), "mask")
    assert not problems
    assert np.array_equal(placed.affine, np.eye(4))
