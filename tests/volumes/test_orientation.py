"""A volume is shown as radiologists look at it, however its file is turned."""

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from support.volumes import affine_of, write_volume

from bundle.transforms import default_preprocessing
from bundle.volumes import source_slice_indices
from bundle.volumes.orientation import to_display_orientation


def stored(path, volume, axcodes):
    """Write a (P, L, S) volume with the axes of its file named by nibabel's letters, tilted as scans are."""
    image = nibabel.Nifti1Image(volume, affine_of("PLS", (1.0, 2.0, 3.0), tilt_deg=9))
    here = nibabel.orientations.io_orientation(image.affine)
    turn = nibabel.orientations.ornt_transform(here, nibabel.orientations.axcodes2ornt(axcodes))
    turned = image.as_reoriented(turn)
    return write_volume(path, np.asarray(turned.dataobj), turned.affine)


@pytest.mark.parametrize("axcodes", ["PLS", "RAS", "LPI", "LAS", "ASR"])
def test_rows_run_to_the_back_columns_to_the_left(axcodes, tmp_path):
    volume = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    np.testing.assert_array_equal(to_display_orientation(stored(tmp_path / "a.nii.gz", volume, axcodes)), volume)


@pytest.mark.parametrize(("axcodes", "source"), [("PLS", 1), ("RAS", 1), ("LPI", 4), ("LAS", 1)])
def test_a_slice_of_the_file_is_read_alone(axcodes, source, tmp_path):
    volume = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    file = stored(tmp_path / "a.nii.gz", volume, axcodes)
    np.testing.assert_array_equal(to_display_orientation(file, source_slice=source), volume[..., 1])


def test_the_last_channel_of_several(tmp_path):
    volume = np.random.default_rng(0).random((4, 5, 6, 2)).astype(np.float32)
    file = write_volume(tmp_path / "a.nii.gz", volume, affine_of("PLS"))
    np.testing.assert_array_equal(to_display_orientation(file), volume[..., 1])
    np.testing.assert_array_equal(to_display_orientation(file, source_slice=2), volume[:, :, 2, 1])


def test_a_sagittal_scan_has_no_slices_of_the_file():
    sagittal = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    image = MetaTensor(torch.rand(1, 4, 4, 4), affine=sagittal)
    image.meta["original_affine"] = sagittal
    turned = default_preprocessing()({"image": image})["image"]
    with pytest.raises(ValueError, match=r"slices must lie along the file's third axis, got .*: use FileOrderd"):
        source_slice_indices(turned)
