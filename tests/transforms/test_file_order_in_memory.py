"""Volumes stay in the order of the file until slices are cut, and are what MONAI's own loader gives."""

import nibabel
import numpy as np
import pytest
import torch
from monai.transforms import LoadImage

from bundle.transforms import LoadCased
from bundle.volumes.read_volume import read_volume


def write(path, shape, dtype, slope=None):
    voxels = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    affine = np.array([[-2.0, 0.1, 0, 5], [0, 1.5, 0, 3], [0, 0, 4, 1], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(voxels, affine)
    if slope:
        image.header.set_slope_inter(slope, 1.0)
    nibabel.save(image, path)
    return str(path)


@pytest.mark.parametrize(
    ("shape", "dtype", "slope"),
    [((5, 4, 3), "int16", None), ((5, 4, 3), ">f4", None), ((5, 4, 3), "uint8", 0.5), ((5, 4, 3, 2), "float64", None)],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_volume_is_what_monai_reads(shape, dtype, slope, suffix, tmp_path):
    path = write(tmp_path / f"a{suffix}", shape, dtype, slope)
    expected = LoadImage(image_only=True, ensure_channel_first=True, dtype=torch.float32)(path)
    found = read_volume(path)
    assert torch.equal(found.as_tensor(), expected.as_tensor())
    assert torch.equal(found.affine, expected.affine)
    assert found.dtype == expected.dtype
    assert {key: str(value) for key, value in found.meta.items()} == {k: str(v) for k, v in expected.meta.items()}


def test_a_slice_is_one_piece_of_memory(tmp_path):
    paths = [write(tmp_path / f"{name}.nii.gz", (5, 4, 3), "int16") for name in "ab"]
    image = LoadCased()({"image": paths, "label": None})["image"]
    assert image.shape == (2, 5, 4, 3)
    assert image[0, ..., 1].T.is_contiguous()
    assert torch.equal(image[1], read_volume(paths[1])[0])
