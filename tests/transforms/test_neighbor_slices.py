"""Neighbors of a slice: which they are, in training and in inference alike."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from bundle.transforms import NeighborSlices, slice_spacing_mm, stacked


@pytest.mark.parametrize(
    ("distance", "spacing", "step"),
    [(0, 7.0, 1), (0, float("nan"), 1), (5, 6.5, 1), (5, 12.0, 1), (5, 2.5, 2), (5, 1.0, 5), (5, 0.7, 7)],
)
def test_a_neighbor_is_the_slice_nearest_to_the_distance_and_at_least_the_next(distance, spacing, step):
    assert NeighborSlices(distance).step(spacing) == step


def test_a_distance_needs_a_spacing():
    with pytest.raises(ValueError, match=r"5 mm away, got none: set neighbor_mm to 0"):
        NeighborSlices(5).step(float("nan"))
    with pytest.raises(ValueError, match="at least 0, or null for none, got -1"):
        NeighborSlices(-1)


def test_the_channels_of_the_slice_come_first_and_ends_repeat():
    images = torch.arange(10.0).reshape(5, 2, 1, 1)  # channels 0,1 of slice 0, 2,3 of slice 1, ...
    neighbors = NeighborSlices(0)
    rows = neighbors.rows(np.array([0, 2, 4]), 0, 4, neighbors.step(1.0))
    assert stacked(images, rows).flatten(1).tolist() == [
        [0, 1, 0, 1, 2, 3],
        [4, 5, 2, 3, 6, 7],
        [8, 9, 6, 7, 8, 9],
    ]


def test_spacing_is_along_the_slices_of_a_tilted_volume_and_of_a_batch():
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, 2] = torch.tensor([0.0, 3.0, 4.0])
    volume = MetaTensor(torch.zeros(1, 2, 2, 3), affine=affine)
    assert slice_spacing_mm(volume) == slice_spacing_mm(volume[None]) == 5
