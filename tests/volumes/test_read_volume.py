import nibabel
import nibabel as nib
import numpy as np
import pytest
import torch
from conftest import SHARED
from monai.transforms import LoadImage

from bundle.transforms import LoadCaseFilesd
from bundle.volumes import Grid, VolumeFile, on_grid, read_volume


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_affine_and_slope_are_nibabels(tmp_path, suffix):
    affine = np.array([[0, 0, -2.0, 4], [1.5, 0, 0, 5], [0, 3.0, 0, 6], [0, 0, 0, 1]])
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine)
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, tmp_path / f"v{suffix}")
    expected = nib.load(tmp_path / f"v{suffix}")
    volume = read_volume(tmp_path / f"v{suffix}")
    assert volume.dtype == torch.float32
    np.testing.assert_allclose(volume[0].numpy(), expected.get_fdata())
    np.testing.assert_allclose(volume.affine.numpy(), expected.affine)
    assert volume.meta["filename_or_obj"] == str(tmp_path / f"v{suffix}")


def test_five_axes_are_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2, 3), np.float32), np.eye(4)), tmp_path / "five.nii")
    with pytest.raises(ValueError, match=r"five.nii must be a 3D volume"):
        read_volume(tmp_path / "five.nii")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
def test_a_dicom_folder_equals_its_nifti_where_pydicom_is_installed():
    pytest.importorskip("pydicom")
    folder = SHARED / "data" / "formats" / "dicom" / "nasty"
    series = VolumeFile.read([folder / "explicit_vr_reference"])
    reference = VolumeFile.read([folder / "reference_ground_truth.nii.gz"])
    turned, problems = on_grid(reference, Grid.of_file(series), "channel", tolerance_mm=1e-3)
    assert problems == []
    np.testing.assert_array_equal(turned.data, series.data)


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
    for key in ("affine", "original_affine", "space", "filename_or_obj"):
        np.testing.assert_array_equal(found.meta[key], expected.meta[key])


def test_a_slice_is_one_piece_of_memory(tmp_path):
    paths = [write(tmp_path / f"{name}.nii.gz", (5, 4, 3), "int16") for name in "ab"]
    image = LoadCaseFilesd()({"image": paths, "label": None})["image"]
    assert image.shape == (2, 5, 4, 3)
    assert image[0, ..., 1].T.is_contiguous()
    assert torch.equal(image[1], read_volume(paths[1])[0])
