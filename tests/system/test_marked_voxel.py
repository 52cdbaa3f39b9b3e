"""The map lies where the image lies, whatever the orientation of the file."""

import nibabel
import numpy as np
import pytest
import torch
from support.bundle import infer, overlay
from support.probes import SeeingNetwork
from support.volumes import affine_of, noise, write_volume

ORIENTATIONS = {
    "plain": affine_of("RAS"),
    "flipped": affine_of("LPI", (0.9, 0.9, 3.0)),
    "oblique": affine_of("LAS", (1.0, 0.8, 4.0), tilt_deg=25.0),
    "turned": affine_of("PRS", (1.0, 2.0, 5.0), tilt_deg=-10.0),
    "sliced first": affine_of("SLA", (4.0, 1.0, 0.5)),
    "sliced second": affine_of("ASL", (1.0, 6.0, 1.0), tilt_deg=8.0),
}


def find_marker(tmp_path, shape, affine, voxel, image_size, radius=0):
    """Infer with a network whose embedding map is the image; return where the map is highest, and how high."""
    volume = noise(3, shape, channels=1)[..., 0] * 0.3
    x, y, z = voxel
    volume[x - radius : x + radius + 1, y - radius : y + radius + 1, z] = 1.0
    file = write_volume(tmp_path / "a.nii.gz", volume, affine)
    torch.save(SeeingNetwork().state_dict(), tmp_path / "seeing.pt")
    seeing = overlay(tmp_path, network_def={"_target_": "support.probes.SeeingNetwork", "_requires_": "@bundle_path"})
    settings = {"in_channels": 1, "image_size": image_size, "beta": 0.0, "normalize": "none"}
    output = infer(file, tmp_path / "seeing.pt", tmp_path / "out", seeing, **settings)
    attribution = nibabel.load(output / "a" / "attribution.nii.gz")
    np.testing.assert_allclose(attribution.affine, affine, atol=1e-5)
    return np.array(np.unravel_index(attribution.get_fdata().argmax(), shape)), attribution.get_fdata()[voxel]


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_a_marked_voxel_comes_back_at_its_place(tmp_path, name):
    axes = nibabel.aff2axcodes(ORIENTATIONS[name])
    shape = tuple(7 if axis in "SI" else 16 for axis in axes)
    voxel = tuple(2 if axis in "SI" else place for axis, place in zip(axes, (3, 11, 5), strict=True))

    place, value = find_marker(tmp_path, shape, ORIENTATIONS[name], voxel, image_size=16)

    assert tuple(place) == voxel
    assert value == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("image_size", [16, 40])
def test_a_marked_voxel_of_an_uneven_grid_comes_back_within_the_resize(tmp_path, image_size):
    shape, voxel = (24, 33, 7), (17, 6, 4)

    # the resize of the slices steps over single voxels where it shrinks
    place, _ = find_marker(tmp_path, shape, ORIENTATIONS["oblique"], voxel, image_size, radius=1)

    reach = 1 + np.ceil(np.array(shape[:2]) / image_size)
    assert (np.abs(place - voxel)[:2] <= reach).all()
    assert place[2] == voxel[2]
