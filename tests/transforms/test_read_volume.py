import nibabel as nib
import numpy as np
import pytest
import torch
from conftest import SHARED

from bundle.volumes import read_volume


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
    with pytest.raises(ValueError, match=r"five.nii: expected a 3D volume"):
        read_volume(tmp_path / "five.nii")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
def test_a_dicom_folder_equals_its_nifti_where_pydicom_is_installed():
    pytest.importorskip("pydicom")
    folder = SHARED / "data" / "formats" / "dicom" / "nasty"
    series, reference = (
        read_volume(folder / "explicit_vr_reference"),
        read_volume(folder / "reference_ground_truth.nii.gz"),
    )
    assert torch.equal(series.as_tensor(), reference.as_tensor())
    torch.testing.assert_close(series.affine, reference.affine, atol=1e-3, rtol=0)
